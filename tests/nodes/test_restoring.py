"""Each way by which the variables of a thread come into a session, forced, and reported with the step."""

import sys
from itertools import count

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from lumo_graph import Limits, create_lumo_agent
from lumo_graph.checkpoints import aopen_checkpointer, open_checkpointer, prune_threads
from lumo_graph.errors import RestoreError, SealError
from lumo_graph.executors import MontyExecutor, ProcessExecutor
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects

CONFIG = {"configurable": {"thread_id": "t"}}
DRAWS = "import random, time, uuid\ndrawn = [random.random(), time.time(), str(uuid.uuid4())]\nprint(drawn)"


class Damaging:
    """Opens real sessions, and spoils what they are to load."""

    def __init__(self, executor=None):
        self.executor = executor or ProcessExecutor(require="none")
        self.packages = ()
        self.deterministic = getattr(self.executor, "deterministic", False)

    def open(self, namespace=None, **more):
        spoiled = None if namespace is None else {name: blob[:-1] for name, blob in namespace.items()}
        return self.executor.open(spoiled, **more)


class Tools:
    """Tools that count their calls."""

    def __init__(self):
        self.sent = []
        numbers = count(1)

        def look() -> list[int]:
            """Look at something that grows."""
            return [0] * next(numbers)

        self.look = look

    def send(self, text: str) -> int:
        """Send a text."""
        self.sent.append(text)
        return len(self.sent)

    def agent(self, saver, codes, **more):
        replies = [f"```python\n{code}\n```" for code in codes]
        tools = [self.send, declare_effects(self.look, effects="none")]
        return create_lumo_agent(
            ScriptedModel(replies), tools=tools, agent_type="code-agent", checkpointer=saver, **more
        )


@pytest.fixture
def tools():
    return Tools()


def ways(result):
    return [step["restore"] for step in result["steps"]]


def test_the_first_action_finds_nothing_and_the_next_a_live_session(tools):
    agent = tools.agent(InMemorySaver(), ["x = 1", "final_answer(x)"])
    assert ways(agent.invoke({"task": "go"}, CONFIG)) == ["new", "live"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can protect a frozen copy")
def test_after_an_action_that_was_undone_it_is_the_frozen_copy(tools):
    saver = InMemorySaver()
    codes = ["numbers = iter([1, 2])", "x = next(numbers)\nsend('a')", "final_answer([x, next(numbers)])"]
    agent = tools.agent(saver, codes, interrupt_on={"send": True})
    agent.invoke({"task": "go"}, CONFIG)
    done = agent.invoke(Command(resume={"type": "approve"}), CONFIG)
    assert (done["answer"], ways(done)) == ([1, 2], ["new", "frozen", "live"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can protect a frozen copy")
def test_after_an_action_that_took_too_long_it_is_the_frozen_copy_too(tools):
    codes = ["x = 1", "x = 2\nwhile True: pass", "final_answer(x)"]
    done = tools.agent(InMemorySaver(), codes, limits=Limits(action_seconds=0.5)).invoke({"task": "go"}, CONFIG)
    assert (done["answer"], ways(done)) == (1, ["new", "live", "frozen"])


def test_where_it_is_told_is_the_step_and_what_it_drew_from_is_told_to_nobody(tools):
    agent = tools.agent(InMemorySaver(), [DRAWS, "final_answer(1)"])
    shown = [*agent.stream({"task": "go"}, CONFIG, stream_mode=["updates", "values", "custom"])]
    assert not [one for one in shown if "seed" in repr(one)]
    steps = [step for mode, update in shown if mode == "updates" for step in update.get("observe", {}).get("steps", [])]
    assert [step["restore"] for step in steps] == ["new", "live"]


def test_where_no_session_lives_it_is_the_checkpoint(tools):
    saver = InMemorySaver()
    codes = ["x = 1", "send('a')\nfinal_answer(x)"]
    tools.agent(saver, codes, interrupt_on={"send": True}).invoke({"task": "go"}, CONFIG)
    agent = tools.agent(saver, [], interrupt_on={"send": True})
    done = agent.invoke(Command(resume={"type": "approve"}), CONFIG)
    assert (done["answer"], ways(done)) == (1, ["new", "snapshot"])


PAST = [
    f"{DRAWS}\nsent = send(str(drawn))\nclass A:\n    size = 3\na = A()",
    "b = 1\nraise KeyError('kept')",
    "b = 2\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "drawn.append(random.random())\nwith open('kept.txt', 'w') as file:\n    print(drawn, file=file)",
    "final_answer(1)",
]
NOW = "final_answer([drawn, sent, a.size, b, open('kept.txt').read() == f'{drawn}\\n', random.random() != drawn[-1]])"


@pytest.mark.parametrize("url", ["memory://", "sqlite:///"])
def test_where_the_checkpoint_cannot_be_loaded_the_actions_run_again_and_no_call_is_repeated(tools, url, tmp_path):
    with open_checkpointer(url if url.startswith("memory") else f"{url}{tmp_path}/runs.db") as saver:
        tools.agent(saver, PAST).invoke({"task": "go"}, CONFIG)
        sent = list(tools.sent)
        # In another run on the thread.
        done = tools.agent(saver, [NOW], executor=Damaging()).invoke({"task": "more"}, CONFIG)
        drawn, *others = done["answer"]
        assert sent == [str(drawn[:3])] == tools.sent
        assert others == [1, 3, 1, True, True]
        assert ways(done) == ["replay"]
        # What was rebuilt is stored, and can be loaded.
        again = tools.agent(saver, [NOW]).invoke({"task": "more"}, CONFIG)
        assert (again["answer"][0], ways(again)) == (drawn, ["snapshot"])


@pytest.mark.anyio
async def test_the_actions_run_again_on_an_event_loop_too(tools, tmp_path):
    async with aopen_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver:
        await tools.agent(saver, PAST).ainvoke({"task": "go"}, CONFIG)
        done = await tools.agent(saver, [NOW], executor=Damaging()).ainvoke({"task": "more"}, CONFIG)
        assert (tools.sent, ways(done)) == ([str(done["answer"][0][:3])], ["replay"])


def test_an_executor_that_is_not_deterministic_rebuilds_too(tools):
    saver = InMemorySaver()
    tools.agent(saver, ["x = send('a')", "final_answer(x)"], executor=MontyExecutor()).invoke({"task": "go"}, CONFIG)
    agent = tools.agent(saver, ["final_answer(x)"], executor=Damaging(MontyExecutor()))
    done = agent.invoke({"task": "more"}, CONFIG)
    assert (done["answer"], ways(done), tools.sent) == (1, ["replay"], ["a"])


def test_variables_that_came_out_otherwise_are_told(tools):
    saver = InMemorySaver()
    tools.agent(saver, ["rows = look()", "final_answer(1)"]).invoke({"task": "go"}, CONFIG)
    done = tools.agent(saver, ["final_answer(len(rows))"], executor=Damaging()).invoke({"task": "more"}, CONFIG)
    assert done["answer"] == 2
    assert "its code ran again, and gave list (2) where it had given list (1)" in done["steps"][0]["observation"]


def test_a_call_that_would_have_to_be_made_again_is_not_made(tools, tmp_path):
    with open_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver:
        tools.agent(saver, ["x = send('a')", "final_answer(1)"]).invoke({"task": "go"}, CONFIG)
        with saver.cursor() as cursor:
            cursor.execute("DELETE FROM writes WHERE channel = 'lumo:calls'")
        agent = tools.agent(saver, ["final_answer(x)"], executor=Damaging())
        with pytest.raises(RestoreError, match=r"calls send\(\), which leaves effects.*was not.*start a new thread"):
            agent.invoke({"task": "more"}, CONFIG)
        assert tools.sent == ["a"]
        # The checkpoint is as it was: where it can be loaded, the run goes on.
        done = tools.agent(saver, ["final_answer(x)"]).invoke(None, CONFIG)
        assert (done["answer"], tools.sent) == (1, ["a"])


def test_an_action_that_does_not_do_what_it_did_ends_it(tools, tmp_path):
    saver, flag = InMemorySaver(), tmp_path / "flag"
    flag.write_text("here")
    executor = ProcessExecutor(require="none", files={"flag": flag})
    tools.agent(saver, ["x = open('flag').read()", "final_answer(1)"], executor=executor).invoke({"task": "go"}, CONFIG)
    agent = tools.agent(saver, ["final_answer(x)"], executor=Damaging())
    with pytest.raises(RestoreError, match="had ended with no error, and now it ended with FileNotFoundError"):
        agent.invoke({"task": "more"}, CONFIG)


def test_variables_that_are_not_signed_as_they_should_be_are_not_rebuilt_either(tools):
    saver = InMemorySaver()
    tools.agent(saver, ["x = 1", "final_answer(1)"]).invoke({"task": "go"}, CONFIG)
    agent = tools.agent(saver, ["final_answer(x)"], executor=ProcessExecutor(require="none", snapshot_key=b"k" * 32))
    with pytest.raises(SealError, match="is not signed"):
        agent.invoke({"task": "more"}, CONFIG)


def test_a_history_that_was_pruned_cannot_be_run_again(tools, tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with open_checkpointer(url) as saver:
        tools.agent(saver, ["x = 1", "y = 2", "final_answer(1)"]).invoke({"task": "go"}, CONFIG)
    prune_threads(url, keep=2)
    with open_checkpointer(url) as saver:
        agent = tools.agent(saver, ["final_answer(x)"], executor=Damaging())
        with pytest.raises(RestoreError, match="does not go back to its first action"):
            agent.invoke({"task": "more"}, CONFIG)


def test_the_time_that_running_again_takes_is_the_runs(tools):
    saver = InMemorySaver()
    tools.agent(saver, ["import time\ntime.sleep(1)\nx = 1", "final_answer(x)"]).invoke({"task": "go"}, CONFIG)
    agent = tools.agent(saver, ["x", "final_answer(x)"], executor=Damaging(), limits={"max_seconds": 0.9})
    done = agent.invoke({"task": "more"}, CONFIG)
    assert (done["outcome"], ways(done)) == ("budget", ["replay"])
