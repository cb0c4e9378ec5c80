"""Processes that are told to end: runs stop in good order, and go on in another process."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lumo_graph import create_lumo_agent, resume, run
from lumo_graph.checkpoints import list_checkpoints, list_unfinished, open_checkpointer
from lumo_graph.draining import drain_on_signals, request_drain
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel

ROOT = Path(__file__).parents[1]
ENDLESS = """\
rows.append(charge(1))
tell('waiting')
import time
while not may_go():
    time.sleep(0.02)
rows.append(charge(2))
"""
SHORT = "import time\nx = charge(1)\ntell('waiting')\ntime.sleep(0.5)\ny = x + 1"


class Process:
    """Runs tests/drained.py in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def start(self, command, **options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.drained", command, json.dumps(options)],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def stopped(self, command, number=signal.SIGTERM, waits=1, **options):
        """What it came to, after a signal that it got when it had said `waits` times where it was."""
        with self.start(command, **options) as process:
            for _ in range(waits):
                assert process.stdout.readline().strip() in {"waiting", "ready"}, process.stderr.read()[-3000:]
            process.send_signal(number)
            out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error[-3000:]
        return json.loads(out.splitlines()[-1])

    def done(self, command, **options):
        """What it came to by itself."""
        with self.start(command, **options) as process:
            out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error[-3000:]
        (result,) = json.loads(out.splitlines()[-1])["results"]
        return result

    @property
    def charged(self):
        return (self.folder / "charged").read_text().split()

    def go(self):
        (self.folder / "go").touch()


@pytest.fixture
def process(tmp_path):
    return Process(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
@pytest.mark.parametrize("how", [{}, {"loop": True}, {"stream": True}, {"loop": True, "stream": True}], ids=str)
def test_an_action_that_runs_long_is_undone_and_makes_no_call_twice(process, tmp_path, how, number):
    url = f"sqlite:///{tmp_path}/runs.db"
    code = ["rows = [0]", ENDLESS]
    stopped = process.stopped("start", number, checkpointer=url, code=code, **how)
    assert stopped == {
        "requested": True,
        "results": [{"outcome": "interrupted", "answer": None, "steps": 1, "thread_id": "t"}],
    }
    assert list_checkpoints(url, "t")[0].next == ("execute",)
    process.go()
    done = process.done("resume", checkpointer=url, code=["final_answer(rows)"], **how)
    assert done == {"outcome": "answered", "answer": [0, 1, 2], "steps": 3, "thread_id": "t"}
    assert process.charged == ["1", "2"]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_an_action_that_was_stopped_goes_on_from_postgresql_too(process, postgres, loop):
    options = {"checkpointer": postgres.new_database(), "loop": loop}
    stopped = process.stopped("start", code=["rows = [0]", ENDLESS], **options)
    assert stopped["results"][0]["outcome"] == "interrupted"
    process.go()
    assert process.done("resume", code=["final_answer(rows)"], **options)["answer"] == [0, 1, 2]
    assert process.charged == ["1", "2"]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_an_action_that_ends_in_time_is_kept(process, tmp_path, loop):
    options = {"checkpointer": f"sqlite:///{tmp_path}/runs.db", "loop": loop}
    stopped = process.stopped("start", code=[SHORT], grace=60, **options)
    assert stopped["results"][0]["outcome"] == "interrupted"
    assert list_checkpoints(options["checkpointer"], "t")[0].next == ("observe",)
    assert process.done("resume", code=["final_answer([x, y])"], **options)["answer"] == [1, 2]
    assert process.charged == ["1"]


def test_a_wait_for_the_model_is_cancelled_on_an_event_loop(process, tmp_path):
    options = {"checkpointer": f"sqlite:///{tmp_path}/runs.db", "slow_model": True, "loop": True}
    assert process.stopped("start", code=["final_answer(1)"], **options)["results"][0]["outcome"] == "interrupted"
    assert list_checkpoints(options["checkpointer"], "t")[0].next == ("generate_code",)
    process.go()
    assert process.done("resume", code=["final_answer(1)"], **options)["answer"] == 1


def outlast_signal(process, **options):
    """What a run has come to that a signal does not stop as long as it waits."""
    with process.start("start", **options) as running:
        assert running.stdout.readline() == "waiting\n"
        running.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1.5)
        process.go()
        out, _ = running.communicate(timeout=60)
    return json.loads(out.splitlines()[-1])["results"][0]


def test_without_an_event_loop_the_run_ends_when_the_model_has_replied(process, tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    told = outlast_signal(process, checkpointer=url, slow_model=True, code=["final_answer(charge(1))"])
    assert told["outcome"] == "interrupted"
    assert list_checkpoints(url, "t")[0].next == ("execute",)
    assert process.done("resume", checkpointer=url, code=[])["answer"] == 1


def test_function_calls_that_wait_are_cancelled_and_those_that_were_made_stand(process, tmp_path):
    options = {"checkpointer": f"sqlite:///{tmp_path}/runs.db", "loop": True}
    calls = [["charge", {"amount": 1}], ["hang", {}]]
    stopped = process.stopped("start", agent_type="function-calling", code=[calls], **options)
    assert stopped["results"][0]["outcome"] == "interrupted"
    process.go()
    last = [["final_answer", {"answer": "done"}]]
    assert process.done("resume", code=[last], **options)["answer"] == "done"
    assert process.charged == ["1"]


def test_all_runs_of_a_process_are_stopped(process, tmp_path):
    options = {"checkpointer": f"sqlite:///{tmp_path}/runs.db", "threads": ["a", "b", "c"]}
    stopped = process.stopped("start", waits=3, code=["rows = []", ENDLESS], **options)
    assert {result["outcome"] for result in stopped["results"]} == {"interrupted"}
    assert {one.thread_id for one in list_unfinished(options["checkpointer"])} == {"a", "b", "c"}


def test_a_run_that_begins_after_the_signal_is_kept_with_its_task(process, tmp_path):
    options = {"checkpointer": f"sqlite:///{tmp_path}/runs.db"}
    stopped = process.stopped("start", code=[], wait=True, **options)
    assert stopped["results"] == [{"outcome": "interrupted", "answer": None, "steps": 0, "thread_id": "t"}]
    (left,) = list_unfinished(options["checkpointer"])
    assert (left.task, left.agent_type, left.steps) == ("go", "code-agent", 0)
    assert process.done("resume", code=["final_answer(1)"], **options)["answer"] == 1
    # Of a thread that has come to an end before, too.
    process.stopped("start", code=[], wait=True, **options)
    assert len(list_unfinished(options["checkpointer"])) == 1
    assert process.done("resume", code=["final_answer(2)"], **options)["answer"] == 2
    assert list_unfinished(options["checkpointer"]) == []


def test_a_decision_that_comes_with_the_signal_is_not_lost(tmp_path):
    sent = []

    def send(to: str) -> str:
        """Send it."""
        sent.append(to)
        return to

    options = {"tools": [send], "interrupt_on": {"send": True}, "checkpointer": f"sqlite:///{tmp_path}/runs.db"}
    model = ScriptedModel(["```python\nsent = [send('ann'), send('bob')]\n```"])
    run("go", model, agent_type="code-agent", thread_id="t", **options)
    approve = {"type": "approve"}
    with drain_on_signals(signal.SIGUSR1) as drain:
        drain.request()
        stopped = resume("t", ScriptedModel([]), decision=approve, **options)
    assert (stopped.outcome, stopped.pending, sent) == ("interrupted", (), [])
    assert [one.thread_id for one in list_unfinished(options["checkpointer"])] == ["t"]
    asked = resume("t", ScriptedModel([]), **options)
    assert (asked.pending[0]["action_requests"][0]["args"], sent) == ({"to": "bob"}, ["ann"])
    last = ScriptedModel(["```python\nfinal_answer(sent)\n```"])
    assert resume("t", last, decision=approve, **options).answer == ["ann", "bob"]


def test_a_run_that_is_stored_nowhere_comes_to_its_end(process):
    assert outlast_signal(process, code=["rows = []", ENDLESS, "final_answer(rows)"])["answer"] == [1, 2]


def test_a_second_signal_ends_the_process_at_once_and_the_run_goes_on_all_the_same(process, tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with process.start("start", checkpointer=url, grace=600, code=["rows = [0]", ENDLESS]) as running:
        assert running.stdout.readline() == "waiting\n"
        running.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    process.go()
    assert process.done("resume", checkpointer=url, code=["final_answer(rows)"])["answer"] == [0, 1, 2]
    assert process.charged == ["1", "2"]


def test_a_graph_that_is_invoked_directly_is_left_to_langgraphs_own_control(tmp_path):
    from langgraph.errors import GraphDrained
    from langgraph.runtime import RunControl

    control = RunControl()

    def stop() -> int:
        """Ask for a drain."""
        control.request_drain()
        return 5

    config = {"configurable": {"thread_id": "t"}}
    model = ScriptedModel(["```python\nx = stop()\n```", "```python\nfinal_answer(x)\n```"])
    with open_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver:
        agent = create_lumo_agent(model, [stop], agent_type="code-agent", checkpointer=saver)
        with pytest.raises(GraphDrained):
            agent.invoke({"task": "go"}, config, control=control)
        assert agent.get_state(config).next == ("observe",)
        assert agent.invoke(None, config)["answer"] == 5


def test_handlers_are_those_from_before_after_the_block():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    with drain_on_signals() as outer:
        with drain_on_signals(signal.SIGUSR1) as inner:
            signal.raise_signal(signal.SIGUSR1)
            threads = threading.active_count()
        assert inner.requested
        assert not outer.requested
        assert threading.active_count() == threads - 1
    assert before == {number: signal.getsignal(number) for number in before}


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with drain_on_signals(signal.SIGUSR1) as drain:
            signal.raise_signal(signal.SIGUSR1)
        assert not drain.requested
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_cannot_be_meant_is_refused():
    for seconds in (-1, "5", True, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match="grace_seconds"):
            request_drain(grace_seconds=seconds)
    found = []

    def elsewhere():
        try:
            with drain_on_signals():
                pass
        except ConfigurationError as error:
            found.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in found[0]
