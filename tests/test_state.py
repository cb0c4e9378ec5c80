from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Overwrite

from lumo_graph.checkpoints import open_checkpointer
from lumo_graph.state import AgentState, add_messages, append, merge

MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda i, text: HumanMessage(text, id=f"m{i}"), st.integers(0, 4), st.text(max_size=3)),
        st.builds(lambda i: RemoveMessage(id=f"m{i}"), st.integers(0, 4)),
        st.just(RemoveMessage(id=REMOVE_ALL_MESSAGES)),
    ),
    max_size=4,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.binary(max_size=2)), max_size=3)


@given(st.lists(MESSAGES, max_size=4), st.lists(MESSAGES, max_size=4))
def test_messages_may_be_folded_in_any_batches(xs, ys):
    assert add_messages(add_messages([], xs), ys) == add_messages([], [*xs, *ys])


@given(st.lists(MAPPINGS, max_size=4), st.lists(MAPPINGS, max_size=4))
def test_mappings_may_be_folded_in_any_batches(xs, ys):
    assert merge(merge({}, xs), ys) == merge({}, [*xs, *ys])


@given(st.lists(st.lists(st.integers()), max_size=4), st.lists(st.lists(st.integers()), max_size=4))
def test_lists_may_be_folded_in_any_batches(xs, ys):
    assert append(append([], xs), ys) == append([], [*xs, *ys])


def test_a_message_with_a_known_id_takes_the_place_of_the_first():
    first, second, better = HumanMessage("a", id="1"), AIMessage("b", id="2"), HumanMessage("c", id="1")
    assert add_messages([first, second], [[better]]) == [better, second]


def test_messages_without_an_id_are_all_kept():
    assert [m.content for m in add_messages([HumanMessage("a")], [[HumanMessage("a")], HumanMessage("b")])] == [
        "a",
        "a",
        "b",
    ]


def test_messages_may_be_given_as_dicts_and_as_text():
    messages = add_messages([], [[{"role": "user", "content": "hi"}], "there"])
    assert [(m.type, m.content) for m in messages] == [("human", "hi"), ("human", "there")]


def test_a_reducer_leaves_its_input_alone():
    before: dict[str, Any] = {"a": b"1"}
    merge(before, [{"a": None, "b": b"2"}])
    assert before == {"a": b"1"}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def saver(request, tmp_path):
    url = f"{request.param}:///{tmp_path}/runs.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with open_checkpointer(url) as opened:
        yield opened


def _work(state: AgentState) -> AgentState:
    done = len(state.get("steps", []))
    return {
        "messages": [AIMessage(f"reply {done}", id=f"ai-{done}")],
        "steps": [{"number": done + 1}],
        "namespace": {f"v{done}": bytes([done]), **({f"v{done - 1}": None} if done else {})},
    }


def _graph(saver):
    builder = StateGraph(AgentState)
    builder.add_node("work", _work)
    builder.add_edge(START, "work")
    builder.add_conditional_edges("work", lambda state: "work" if len(state["steps"]) < 4 else END, ["work", END])
    return builder.compile(checkpointer=saver)


def test_every_checkpoint_of_a_thread_gives_the_state_of_its_time(saver):
    graph, config = _graph(saver), {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage("go", id="h")]}, config)
    history = [state.values for state in graph.get_state_history(config)][::-1]
    seen = [(len(v.get("messages", [])), len(v.get("steps", [])), v.get("namespace", {})) for v in history[1:]]
    assert seen == [(1, 0, {}), *((n + 2, n + 1, {f"v{n}": bytes([n])}) for n in range(4))]
    assert all(len(a) <= len(b) for a, b in pairwise([v.get("messages", []) for v in history]))


def test_a_fork_goes_its_own_way_from_the_variables_of_its_time(saver):
    graph, config = _graph(saver), {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage("go", id="h")]}, config)
    early = next(s for s in graph.get_state_history(config) if len(s.values.get("steps", [])) == 2)
    fork = graph.update_state(early.config, {"namespace": {"mine": b"x"}}, as_node="work")
    assert graph.get_state(fork).values["namespace"] == {"v1": b"\x01", "mine": b"x"}
    assert graph.invoke(None, fork)["namespace"] == {"v3": b"\x03", "mine": b"x"}


def test_the_steps_of_a_run_can_be_emptied_for_the_next_one(saver):
    graph, config = _graph(saver), {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage("go", id="h")]}, config)
    graph.update_state(config, {"steps": Overwrite([])}, as_node="work")
    assert graph.get_state(config).values["steps"] == []
    assert len(graph.get_state(config).values["messages"]) == 5
