import sqlite3

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from lumo_graph.checkpoints import aopen_checkpointer, list_threads, open_checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.state import AgentState


def _finish(state: AgentState):
    return {
        "run": {
            "id": "r",
            "task": "sum",
            "agent_type": "code-agent",
            "limits": {},
            "planning_interval": None,
            "closing": "m",
        },
        "counters": {"steps": 2, "failures": 0, "tool_calls": 0, "seconds": 0.0, "planned_at": -1},
        "outcome": "answered",
    }


def _store_thread(saver, thread_id):
    builder = StateGraph(AgentState)
    builder.add_node("finish", _finish)
    builder.add_edge(START, "finish")
    builder.add_edge("finish", END)
    builder.compile(checkpointer=saver).invoke({"task": "sum"}, {"configurable": {"thread_id": thread_id}})


def test_an_object_is_passed_through():
    saver = InMemorySaver()
    with open_checkpointer(saver) as opened:
        assert opened is saver
    with open_checkpointer(None) as opened:
        assert opened is None


def test_memory_of_one_name_is_one_store_in_the_process():
    with open_checkpointer("memory://one") as first, open_checkpointer("memory://one") as again:
        assert first is again
    with open_checkpointer("memory://two") as other:
        assert other is not first


def test_a_file_keeps_its_threads_and_lists_them(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with open_checkpointer(url) as saver:
        _store_thread(saver, "a")
        _store_thread(saver, "b")
    with open_checkpointer(url, must_exist=True) as saver:
        threads = list_threads(saver)
    assert [(t.thread_id, t.task, t.outcome, t.steps) for t in threads] == [
        ("b", "sum", "answered", 2),
        ("a", "sum", "answered", 2),
    ]


def test_threads_of_other_graphs_are_not_listed(tmp_path):
    saver = InMemorySaver()
    builder = StateGraph(dict)
    builder.add_node("other", lambda state: state)
    builder.add_edge(START, "other")
    builder.compile(checkpointer=saver).invoke({"x": 1}, {"configurable": {"thread_id": "other"}})
    _store_thread(saver, "ours")
    assert [thread.thread_id for thread in list_threads(saver)] == ["ours"]


@pytest.mark.anyio
async def test_a_file_opens_for_an_event_loop_too(tmp_path):
    async with aopen_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver:
        assert await saver.aget_tuple({"configurable": {"thread_id": "none"}}) is None


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("runs.db", "sqlite:///runs.db"),
        ("mysql://host/db", "'mysql://host/db'"),
        ("sqlite:///", "memory://"),
        ("sqlite:///no/such/folder/runs.db", "no/such/folder"),
    ],
)
def test_a_url_of_no_known_form_is_refused_with_the_forms_that_work(url, named):
    with pytest.raises(ConfigurationError, match=named), open_checkpointer(url):
        pass


def test_a_file_that_is_no_store_is_named(tmp_path):
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, this is not a database." * 200)
    with (
        pytest.raises(ConfigurationError, match="letter.db.*not a checkpoint file"),
        open_checkpointer(f"sqlite:///{path}"),
    ):
        pass


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be used"), open_checkpointer(f"sqlite:///{tmp_path}"):
        pass


def test_a_file_that_must_exist_is_not_made(tmp_path):
    path = tmp_path / "missing.db"
    with pytest.raises(ConfigurationError, match="missing.db"), open_checkpointer(f"sqlite:///{path}", must_exist=True):
        pass
    assert not path.exists()


def test_what_goes_wrong_while_the_store_is_open_is_not_blamed_on_the_file(tmp_path):
    with pytest.raises(ZeroDivisionError), open_checkpointer(f"sqlite:///{tmp_path}/runs.db"):
        _ = 1 / 0
    with pytest.raises(sqlite3.IntegrityError), open_checkpointer(f"sqlite:///{tmp_path}/runs.db"):
        raise sqlite3.IntegrityError("a tool's own database")
