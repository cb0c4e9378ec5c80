import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from lumo_graph import create_lumo_agent, resume, run
from lumo_graph.checkpoints import (
    adelete_thread,
    aopen_checkpointer,
    aprune_threads,
    delete_thread,
    hold_thread,
    list_threads,
    open_checkpointer,
    prune_threads,
)
from lumo_graph.errors import ConfigurationError, ModelError, ThreadBusyError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


STEPS = [code(f"x{n} = [{n}] * 100\nlast = {n}\nopen('f{n}', 'w').write('{n}')") for n in range(6)]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").new_database()
    return f"{request.param}:///{tmp_path}/runs.db"


def interrupted(url, thread_id="t"):
    """A thread with six steps behind it, whose model then fails."""
    model = ScriptedModel([*STEPS, ConnectionError("down")])
    with pytest.raises(ModelError):
        run("go", model, agent_type="code-agent", checkpointer=url, thread_id=thread_id, retry=RetryPolicy(attempts=1))


def history(url, thread_id="t"):
    with open_checkpointer(url) as saver:
        agent = create_lumo_agent(ScriptedModel([]), checkpointer=saver)
        return [*agent.get_state_history({"configurable": {"thread_id": thread_id}})]


def seen(states):
    return [{**state.values, "lost": None, "config": state.config, "next": state.next} for state in states]


@pytest.mark.parametrize("keep", [1, 2, 5, 11])
def test_a_pruned_thread_has_the_rest_of_its_history_and_is_resumed_with_its_variables(url, keep):
    interrupted(url)
    before = history(url)
    (pruned,) = prune_threads(url, keep=keep)
    assert (pruned.thread_id, pruned.kept, pruned.removed, pruned.skipped) == ("t", keep, len(before) - keep, "")
    after = history(url)
    assert seen(after) == seen(before[:keep])
    assert after[-1].parent_config is None
    assert [state.parent_config for state in after[:-1]] == [state.parent_config for state in before[: keep - 1]]
    again = ScriptedModel([code("final_answer([last, len(x0), x5[0], open('f0').read()])")])
    assert resume("t", again, checkpointer=url).answer == [5, 100, 5, "0"]
    assert prune_threads(url, keep=1000) == []


def test_every_step_that_is_kept_can_be_forked(url):
    interrupted(url)
    prune_threads(url, keep=9)
    for state in [state for state in history(url) if state.next == ("generate_code",)]:
        with open_checkpointer(url) as saver:
            model = ScriptedModel([code("final_answer(last)")])
            agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=saver)
            assert agent.invoke(None, state.config)["answer"] == len(state.values["steps"]) - 1


def test_forks_are_kept_and_stand_on_their_own(url):
    interrupted(url)
    early = history(url)[-8].config
    with open_checkpointer(url) as saver:
        agent = create_lumo_agent(ScriptedModel([]), agent_type="code-agent", checkpointer=saver)
        agent.update_state(early, {"unsaved": {"mark": "a fork"}})
    before = history(url)
    prune_threads(url, keep=3)
    assert seen(history(url)) == seen(before[:3])
    assert before[0].values["unsaved"] == {"mark": "a fork"}


def test_pruning_again_and_running_on_goes_well(url):
    interrupted(url)
    for number in range(3):
        prune_threads(url, keep=2)
        model = ScriptedModel([code(f"y{number} = last"), code(f"final_answer([y{number}, len(x0)])")])
        assert run("on", model, agent_type="code-agent", checkpointer=url, thread_id="t").answer == [5, 100]
        with open_checkpointer(url) as saver:
            assert [thread.thread_id for thread in list_threads(saver)] == ["t"]
    assert len(history(url)[0].values["messages"]) > 12


def test_a_file_becomes_smaller(tmp_path):
    url, file = f"sqlite:///{tmp_path}/runs.db", tmp_path / "runs.db"
    big = code("import os\nblob = os.urandom(300_000)")
    run("go", ScriptedModel([*[big] * 8, code("final_answer(1)")]), agent_type="code-agent", checkpointer=url)
    before = file.stat().st_size
    prune_threads(url, keep=1)
    assert file.stat().st_size < before / 2


def test_no_value_that_nothing_uses_is_left_in_the_database(postgres):
    import psycopg

    url = postgres.new_database()
    interrupted(url)
    prune_threads(url, keep=1)
    with psycopg.connect(url) as connection:
        counts = [
            connection.execute(f"SELECT count(*), count(DISTINCT checkpoint_id) FROM {table}").fetchone()  # noqa: S608
            for table in ("checkpoints", "checkpoint_writes")
        ]
        (channels, blobs) = connection.execute(
            "SELECT count(DISTINCT channel), count(*) FROM checkpoint_blobs"
        ).fetchone()
    assert counts[0] == (1, 1)
    assert counts[1][1] <= 1
    assert channels == blobs


def test_whole_threads_go_by_age_and_by_how_they_stand(url):
    run("done", ScriptedModel(["yes"]), checkpointer=url, thread_id="ended")
    interrupted(url)
    assert prune_threads(url, older_than=timedelta(days=1)) == []
    would = prune_threads(url, ended=True, dry_run=True)
    assert [(thread.thread_id, thread.kept, thread.outcome) for thread in would] == [("ended", 0, "answered")]
    assert len(history(url, "ended")) == would[0].removed
    assert [thread.thread_id for thread in prune_threads(url, ended=True)] == ["ended"]
    assert history(url, "ended") == []
    assert [thread.thread_id for thread in prune_threads(url, older_than=timedelta(0))] == ["t"]
    assert history(url) == []


def test_a_thread_is_deleted(url):
    run("done", ScriptedModel(["yes"]), checkpointer=url, thread_id="t")
    delete_thread(url, "t")
    assert history(url) == []
    with pytest.raises(ConfigurationError, match="'t'"):
        delete_thread(url, "t")


def test_a_thread_in_use_is_left_alone_and_named(url):
    run("done", ScriptedModel(["yes"]), checkpointer=url, thread_id="t")
    with open_checkpointer(url) as saver, hold_thread(saver, "t"):
        (skipped,) = prune_threads(url, keep=1)
        assert (skipped.removed, f"process {os.getpid()}" in skipped.skipped) == (0, True)
        with pytest.raises(ThreadBusyError):
            delete_thread(url, "t")
    assert len(history(url)) > 1


def test_threads_of_other_graphs_are_not_pruned(url):
    builder = StateGraph(dict)
    builder.add_node("other", lambda state: state)
    builder.add_edge(START, "other")
    builder.add_edge("other", END)
    config = {"configurable": {"thread_id": "other"}}
    with open_checkpointer(url) as saver:
        builder.compile(checkpointer=saver).invoke({"x": 1}, config)
        count = len([*saver.list(config)])
    assert prune_threads(url, keep=1) == []
    with open_checkpointer(url) as saver:
        assert len([*saver.list(config)]) == count


@pytest.mark.parametrize(
    ("options", "named"),
    [({}, "what to prune"), ({"keep": 0}, "not 0"), ({"keep": True}, "True"), ({"keep": 1.5}, "1.5")],
)
def test_what_cannot_be_meant_is_refused(options, named):
    with pytest.raises(ConfigurationError, match=named):
        prune_threads(InMemorySaver(), **options)


class OtherSaver(InMemorySaver.__mro__[1]):
    """A saver whose rows nobody knows, and that cannot delete."""

    def get_tuple(self, config):
        return config


def test_a_saver_that_cannot_do_it_is_named():
    with pytest.raises(ConfigurationError, match="OtherSaver cannot be pruned|threads of OtherSaver"):
        prune_threads(OtherSaver(), keep=1)
    with pytest.raises(ConfigurationError, match="OtherSaver cannot delete"):
        delete_thread(OtherSaver(), "t")


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(ConfigurationError, match="missing.db"):
        prune_threads(f"sqlite:///{tmp_path}/missing.db", keep=1)
    assert not Path(tmp_path, "missing.db").exists()


@pytest.mark.anyio
async def test_threads_are_pruned_and_deleted_from_an_event_loop(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    await asyncio.to_thread(interrupted, url)
    (pruned,) = await aprune_threads(url, keep=1)
    assert (pruned.thread_id, pruned.kept) == ("t", 1)
    async with aopen_checkpointer(url) as saver:
        await adelete_thread(saver, "t")
        with pytest.raises(ConfigurationError, match="There is no thread 't'"):
            await adelete_thread(saver, "t")
    assert await aprune_threads(url, keep=1) == []
