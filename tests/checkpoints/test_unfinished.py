import os
import signal
import subprocess
import sys
import textwrap

import anyio

from lumo_graph import resume, run
from lumo_graph.checkpoints import (
    alist_unfinished,
    aopen_checkpointer,
    hold_thread,
    list_checkpoints,
    list_threads,
    list_unfinished,
    open_checkpointer,
)
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


def send(to: str) -> str:
    """Send it."""
    return to


APPROVED = {"tools": [send], "interrupt_on": {"send": True}}


def names(url):
    return [one.thread_id for one in list_unfinished(url)]


def test_only_runs_that_nobody_drives_and_that_wait_for_nobody_are_found(everywhere, make_thread):
    run(
        "x", ScriptedModel([code("final_answer(1)")]), agent_type="code-agent", checkpointer=everywhere, thread_id="end"
    )
    asking = ScriptedModel([code("send('ann')")])
    run("x", asking, agent_type="code-agent", checkpointer=everywhere, thread_id="asks", **APPROVED)
    make_thread(everywhere, "left")
    make_thread(everywhere, "later")
    assert names(everywhere) == ["later", "left"]
    (left,) = (one for one in list_unfinished(everywhere) if one.thread_id == "left")
    assert (left.task, left.agent_type, left.outcome, left.steps) == ("the task", "code-agent", None, 3)
    with open_checkpointer(everywhere) as saver, hold_thread(saver, "left"):
        assert names(everywhere) == ["later"]
    resume("left", ScriptedModel([code("final_answer(word)")]), checkpointer=everywhere)
    assert names(everywhere) == ["later"]


def test_they_are_found_on_an_event_loop(store, make_thread):
    make_thread(store)

    async def both():
        async with aopen_checkpointer(store) as saver:
            return await alist_unfinished(saver), await alist_unfinished(store)

    assert anyio.run(both) == (list_unfinished(store),) * 2


KILLED = """
import os, signal, sys
from lumo_graph import resume
from lumo_graph.testing import ScriptedModel

def send(to: str) -> str:
    '''Send it.'''
    os.kill(os.getpid(), signal.SIGKILL)

resume("t", ScriptedModel([]), checkpointer=sys.argv[1], tools=[send], interrupt_on={"send": True},
       decision={"type": "approve"})
"""


def test_a_run_that_was_killed_after_the_answer_of_a_person_waits_for_nobody(store):
    model = ScriptedModel([code("sent = send('ann')\nagain = send('bob')")])
    run("x", model, agent_type="code-agent", checkpointer=store, thread_id="t", **APPROVED)
    assert (names(store), list_checkpoints(store, "t")[0].waiting) == ([], True)
    program = textwrap.dedent(KILLED)
    killed = subprocess.run([sys.executable, "-c", program, store], capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (names(store), list_checkpoints(store, "t")[0].waiting) == (["t"], False)
    # It goes on to its next question: then it waits again.
    went = resume("t", ScriptedModel([]), checkpointer=store, **APPROVED)
    assert went.outcome == "interrupted"
    assert went.pending
    assert (names(store), list_checkpoints(store, "t")[0].waiting) == ([], True)


BEGUN = """
import os, signal, sys
from lumo_graph import run
from lumo_graph.checkpoints import open_checkpointer
from lumo_graph.testing import ScriptedModel

with open_checkpointer(sys.argv[1]) as saver:
    put, count = saver.put, 0
    def put_and_kill(*args):
        global count
        count += 1
        if count > int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return put(*args)
    saver.put = put_and_kill
    run("the newest task", ScriptedModel([]), agent_type="code-agent", checkpointer=saver, thread_id="t")
"""


def test_a_run_that_was_killed_before_its_first_node_is_found_with_its_task(store, make_thread):
    for stored in (1, 2):
        for before in (False, True):
            if before:
                given = {"checkpointer": store, "thread_id": "t", "agent_type": "code-agent"}
                run("earlier", ScriptedModel([code("x = 1\nfinal_answer(x)")]), **given)
                assert names(store) == []
            command = [sys.executable, "-c", BEGUN, store, str(stored)]
            killed = subprocess.run(command, env={**os.environ}, capture_output=True, timeout=60, check=False)
            assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
            (left,) = list_unfinished(store)
            assert (left.task, left.agent_type, left.outcome) == ("the newest task", "code-agent", None)
            answer = "final_answer(x + 1)" if before else "final_answer(0)"
            done = resume("t", ScriptedModel([code(answer)]), checkpointer=store)
            assert done.answer == (2 if before else 0)
            with open_checkpointer(store) as saver:
                assert [one.outcome for one in list_threads(saver)] == ["answered"]


def test_only_as_many_threads_are_read_as_are_wanted(store):
    for name in ("first", "second", "third", "first"):
        run("go", ScriptedModel(["yes"]), checkpointer=store, thread_id=name)
    with open_checkpointer(store) as saver:
        assert [one.thread_id for one in list_threads(saver, most=2)] == ["first", "third"]
        assert [one.thread_id for one in list_threads(saver)] == ["first", "third", "second"]
    run("go", ScriptedModel(["yes"]), checkpointer="memory://most", thread_id="a")
    run("go", ScriptedModel(["yes"]), checkpointer="memory://most", thread_id="b")
    with open_checkpointer("memory://most") as saver:
        assert [one.thread_id for one in list_threads(saver, most=1)] == ["b"]
