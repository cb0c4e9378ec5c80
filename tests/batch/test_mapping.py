"""A batch over processes of this machine: real kills, real stores, counted effects."""

import asyncio
import importlib.util
import os
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from lumo_graph import Agent, batch, create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects
from tests.batch.conftest import once
from tests.watching import processes_below, until

NAMES = [f"task-{number}" for number in range(6)]


def options(model, tools, **more):
    return {
        "model": "openai:m", "base_url": model.base_url, "tools": tools, "agent_type": "code-agent",
        "checkpointer": "sqlite:///runs.db", "name": "b", "concurrency": 4, "processes": 2, **more,
    }  # fmt: skip


def test_every_task_is_a_thread_and_its_result_comes_when_it_ends(model, tools, effects):
    told = []
    results = list(batch.map(NAMES, **options(model, tools, on_progress=told.append)))
    assert sorted(result.id for result in results) == [str(number) for number in range(1, 7)]
    assert {result.thread_id for result in results} == {f"b:{number}" for number in range(1, 7)}
    assert all((result.status, result.result.answer) == ("answered", [1, 2]) for result in results)
    assert effects() == once(NAMES)
    assert (told[-1].done, told[-1].total, told[-1].lost) == (6, 6, 0)
    assert until(lambda: not processes_below(os.getpid()) - ours())


def ours():
    """Processes that the test's own machinery has."""
    return {pid for pid in processes_below(os.getpid()) if b"lumo_graph.batch.process" not in _command(pid)}


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_what_a_killed_process_drove_is_gone_on_with_by_another(store, model, tools, effects, monkeypatch):
    monkeypatch.setenv("STUMBLE", "task-1,task-4")
    results = {result.id: result for result in batch.map(NAMES, **options(model, tools, checkpointer=store))}
    assert all((one.status, one.result.answer) == ("answered", [1, 2]) for one in results.values()), results
    assert results["2"].attempts > 1
    assert effects() == once(NAMES)  # the call that had returned before the kill was not made again


def test_a_batch_that_is_left_is_gone_on_with_and_nothing_of_it_runs_twice(model, tools, effects):
    given = options(model, tools)
    batches = batch.map([*NAMES, "task-slow"], **given)
    first = next(batches)
    batches.close()
    assert until(lambda: not processes_below(os.getpid()) - ours())
    asked = model.asked
    with pytest.raises(ConfigurationError, match="has been begun before. Go on with the batch"):
        batch.map(NAMES, **given)
    results = list(batch.map(NAMES, **given, resume=True))
    assert {result.id: result.result.answer for result in results} == {str(at): [1, 2] for at in range(1, 7)}
    assert first.id in {result.id for result in results}
    assert model.asked <= asked + 2 * (len(NAMES) - 1)
    for name in NAMES:
        assert effects()[f"{name} 1"] == 1, effects()
        assert effects()[f"{name} 2"] == 1


def test_a_task_that_kills_every_worker_fails_alone(model, effects, tmp_path):
    source = tmp_path / "deadly.py"
    source.write_text(
        "import os, signal\n\ndef stumble(task: str) -> str:\n    '''S.'''\n"
        "    if task == 'task-3':\n        os.kill(os.getpid(), signal.SIGKILL)\n    return task\n\n"
        "def charge(task: str, amount: int) -> int:\n    '''C.'''\n    return amount\n"
    )
    spec = importlib.util.spec_from_file_location("deadly", source)
    deadly = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(deadly)
    results = {
        one.id: one
        for one in batch.map(NAMES, **options(model, [deadly.stumble, deadly.charge], concurrency=2, processes=2))
    }
    assert results["4"].status == "failed"
    assert results["4"].error_type == "WorkerLostError"
    assert "SIGKILL" in results["4"].error
    assert [name for name, one in results.items() if one.status == "answered"] != []
    assert sum(one.status == "answered" for one in results.values()) >= 3


def test_one_that_fails_or_waits_or_is_at_a_limit_ends_no_other(model, tools, effects):
    given = options(model, tools, interrupt_on={"stumble": {"allowed_decisions": ["approve"], "when": _is_waiting}})
    tasks = [
        {"id": "fine", "task": "task-1"},
        {"id": "asks", "task": "task-wait"},
        {"id": "short", "task": "task-2", "limits": {"max_steps": 1}},
    ]
    results = {result.id: result for result in batch.map(tasks, **given)}
    expected = {"fine": "answered", "asks": "waiting", "short": "limit"}
    assert {name: one.status for name, one in results.items()} == expected
    told = results["asks"].to_dict()
    assert told["pending"][0]["action_requests"][0]["name"] == "stumble"
    again = {result.id: result.status for result in batch.map(tasks, **given, resume=True)}
    assert again == expected
    assert effects()["task-1 1"] == effects()["task-wait 1"] == 1


def _is_waiting(args):
    return args["task"] == "task-wait"


def test_a_task_that_is_another_one_now_is_not_given_the_result_of_the_one_before(model, tools, effects):
    given = options(model, tools)
    assert [one.status for one in batch.map([{"id": "a", "task": "task-1"}], **given)] == ["answered"]
    (result,) = batch.map([{"id": "a", "task": "task-2"}], **given, resume=True)
    assert (result.status, result.error_type) == ("failed", "ConfigurationError")
    assert "'b:a' holds another task: 'task-1'" in result.error
    assert effects() == once(["task-1"])


def test_a_model_that_is_down_fails_its_tasks_and_resume_finishes_them(model, tools, effects):
    given = options(model, tools, retry=RetryPolicy(attempts=1))
    failed = list(batch.map(NAMES[:2], **{**given, "base_url": "http://127.0.0.1:9/v1"}))
    assert {(result.status, result.error_type) for result in failed} == {("failed", "ModelError")}
    assert {result.status for result in batch.map(NAMES[:2], **given, resume=True)} == {"answered"}
    assert effects() == once(NAMES[:2])


def test_the_async_form_is_left_and_leaves_nothing(model, tools, effects):
    async def take_one():
        async with aclosing(batch.amap([*NAMES, "task-slow"], **options(model, tools))) as results:
            async for result in results:
                return result.status
        return None

    assert asyncio.run(take_one()) == "answered"
    assert until(lambda: not processes_below(os.getpid()) - ours())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpointer": "memory://"}, "needs a store that every process reaches"),
        ({"checkpointer": None}, "needs a store that every process reaches"),
        ({"concurrency": 0}, "concurrency must be a whole number"),
        ({"processes": True}, "processes must be a whole number"),
        ({"name": None, "resume": True}, "needs the name of the batch"),
        ({"name": "a:b"}, "A batch needs a name"),
        ({"agent_type": "coder"}, "Unknown agent_type 'coder'"),
        ({"limits": {"max_stepz": 1}}, "max_stepz"),
        ({"tols": []}, "Did you mean tools"),
        ({"model": "nothing"}, "has no provider"),
        ({"ray": ""}, "ray must be the address"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(changes, message, model, tools, effects):
    with pytest.raises(ConfigurationError) as caught:
        batch.map(["task-1"], **{**options(model, tools), **changes})
    assert message in str(caught.value)
    assert model.asked == 0


def test_what_cannot_be_sent_to_another_process_is_named(model, effects):
    lock = threading.Lock()

    def write(text: str) -> str:
        """Write."""
        with lock:
            return text

    with pytest.raises(ConfigurationError, match="The option 'tools' .* cannot be sent to another process"):
        batch.map(["task-1"], **options(model, [write]))
    agent = create_lumo_agent(ScriptedModel([]))
    with pytest.raises(ConfigurationError, match="The option 'agents' .* cannot be sent to another process"):
        batch.map(["task-1"], **options(model, [], agents=[Agent("helper", "Helps.", agent)]))


def test_tools_with_declared_effects_and_those_of_a_closure_are_sent(model, effects):
    factor = 3

    def stumble(task: str) -> str:
        """S."""
        return task * factor

    def charge(task: str, amount: int) -> int:
        """C."""
        return amount * factor

    charge = declare_effects(charge, on_unknown="fail")
    (result,) = batch.map(["task-1"], **options(model, [charge, stumble]))
    assert result.result.answer == [3, 6]
