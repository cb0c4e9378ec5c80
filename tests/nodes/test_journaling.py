"""A call that outlives its action: the next run of the action waits for it, or finds what it has returned."""

import threading

import pytest

from lumo_graph.nodes.journaling import Journal
from lumo_graph.types import ToolReply, ToolRequest

REQUEST = ToolRequest(seq=0, name="send", args={"n": 1})


class Memory:
    """Keeps records as a checkpointer does."""

    def __init__(self):
        self.writes = []

    def read(self):
        return list(self.writes)

    def write(self, task_id, channel, value):
        self.writes.append((f"task:{task_id}", channel, value))


def test_a_call_that_ends_after_the_next_run_has_begun_is_not_made_again():
    store, leave, begun = Memory(), threading.Event(), threading.Event()
    made = []

    def send():
        made.append(1)
        begun.set()
        leave.wait(30)
        return ToolReply(value="sent")

    first = Journal(store, "t//c/task")
    asked = first.ask(REQUEST)
    outlives = threading.Thread(target=lambda: first.make(asked, REQUEST.args, send, in_order=True))
    outlives.start()
    begun.wait(30)
    second = Journal(store, "t//c/task")
    second.sources()  # reads what is recorded: not yet the call
    leave.set()
    outlives.join(30)
    asked = second.ask(REQUEST)
    assert asked.record is None
    reply, ours = second.make(asked, REQUEST.args, send, in_order=True)
    assert (reply, ours, made) == (ToolReply(value="sent"), False, [1])


class Closed(Memory):
    """A store that was closed while a call was being made."""

    def write(self, task_id, channel, value):
        raise RuntimeError(f"closed: {task_id}, {channel} and {value} are not written")


@pytest.mark.parametrize("waits", [True, False], ids=["while it is made", "after it was made"])
def test_a_call_whose_store_is_closed_is_recorded_by_the_next_run_and_not_made_again(waits):
    leave, begun, failures, made = threading.Event(), threading.Event(), [], []

    def send():
        made.append(1)
        begun.set()
        leave.wait(30)
        return ToolReply(value="sent")

    def run_first():
        first = Journal(Closed(), f"t//closed-{waits}/task")
        with pytest.raises(RuntimeError, match="closed") as caught:
            first.make(first.ask(REQUEST), REQUEST.args, send, in_order=True)
        failures.append(caught.value)

    outlives = threading.Thread(target=run_first)
    outlives.start()
    begun.wait(30)
    if not waits:
        leave.set()
        outlives.join(30)
    store, found = Memory(), []
    second = Journal(store, f"t//closed-{waits}/task")
    asked = second.ask(REQUEST)
    waiting = threading.Thread(target=lambda: found.append(second.make(asked, REQUEST.args, send, in_order=True)))
    waiting.start()
    leave.set()
    waiting.join(30)
    outlives.join(30)
    assert (found, made, len(failures)) == ([(ToolReply(value="sent"), False)], [1], 1)
    third = Journal(store, f"t//closed-{waits}/task").ask(REQUEST)
    assert third.record is not None
    assert third.record.reply == ToolReply(value="sent")
