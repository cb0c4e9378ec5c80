import sqlite3
from contextlib import closing
from datetime import timedelta

import anyio
import pytest

from lumo_graph import run
from lumo_graph.checkpoints import (
    delete_thread,
    hold_thread,
    list_threads,
    list_unfinished,
    open_checkpointer,
    prune_threads,
)
from lumo_graph.errors import ConfigurationError, ModelError, ThreadBusyError
from lumo_graph.models import RetryPolicy
from lumo_graph.recovery import arecover, recover
from lumo_graph.testing import ScriptedModel

ONCE = RetryPolicy(attempts=1)


def code(text):
    return f"```python\n{text}\n```"


@pytest.fixture
def left(store):
    """A store with three threads that their model has left, and one that has ended."""
    for name in ("one", "two", "three"):
        model = ScriptedModel([code(f"mine = {name!r}"), ConnectionError("down")])
        with pytest.raises(ModelError):
            run("go", model, agent_type="code-agent", checkpointer=store, thread_id=name, retry=ONCE)
    run("go", ScriptedModel(["yes"]), checkpointer=store, thread_id="ended")
    return store


def test_all_runs_that_were_left_come_to_their_end_with_their_own_variables(left):
    model = ScriptedModel([code("final_answer(mine)")] * 3)
    found = [*recover(model, checkpointer=left)]
    assert [(one.thread.thread_id, one.result.answer) for one in found] == [
        ("three", "three"),
        ("two", "two"),
        ("one", "one"),
    ]
    assert all(one.error is None for one in found)
    assert [*recover(ScriptedModel([]), checkpointer=left)] == []


def test_a_run_that_fails_again_or_that_another_has_taken_keeps_none_from_its_end(left):
    model = ScriptedModel([ConnectionError("still down"), code("final_answer(mine)")])
    found = []
    with open_checkpointer(left) as saver:
        runs = recover(model, checkpointer=left, retry=ONCE)
        found.append(next(runs))
        with hold_thread(saver, "two"):
            found.append(next(runs))
        found += runs
    assert [one.thread.thread_id for one in found] == ["three", "two", "one"]
    assert [type(one.error) for one in found] == [ModelError, ThreadBusyError, type(None)]
    assert [one.result and one.result.answer for one in found] == [None, None, "one"]
    assert {one.thread_id for one in list_unfinished(left)} == {"two", "three"}


def test_they_come_to_their_end_on_an_event_loop(left):
    async def all_of_them():
        model = ScriptedModel([code("final_answer(mine)")] * 3)
        return [one async for one in arecover(model, checkpointer=left)]

    assert [one.result.answer for one in anyio.run(all_of_them)] == ["three", "two", "one"]


def test_a_store_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no checkpoint file"):
        next(recover(ScriptedModel([]), checkpointer=f"sqlite:///{tmp_path}/none.db"))


def test_a_thread_that_cannot_be_read_hides_no_other_and_can_be_deleted(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    for name in ("broken", "well"):
        with pytest.raises(ModelError):
            run("go", ScriptedModel([ConnectionError("down")]), checkpointer=url, thread_id=name, retry=ONCE)
    with closing(sqlite3.connect(tmp_path / "runs.db")) as store, store:
        store.execute("UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, 40) WHERE thread_id = 'broken'")
    with open_checkpointer(url) as saver:
        damaged = {thread.thread_id: bool(thread.damaged) for thread in list_threads(saver)}
    assert damaged == {"broken": True, "well": False}
    assert [thread.thread_id for thread in list_unfinished(url)] == ["well"]
    assert [found.result.answer for found in recover(ScriptedModel(["done"]), checkpointer=url)] == ["done"]
    assert prune_threads(url, older_than=timedelta(0), dry_run=True)[0].thread_id == "well"
    delete_thread(url, "broken")
    with open_checkpointer(url) as saver:
        assert [thread.thread_id for thread in list_threads(saver)] == ["well"]
