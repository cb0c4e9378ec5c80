"""Time travel through the parent: the states of a subgraph, and going on from one of them."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.composition.agents import APPROVE, THREAD, answers, below, both_ways, code, coder, invoke, last, say

STEPS = [code("n = 1"), code("n += 1"), code("final_answer([n, send('x')])")]


def asking(send, *more, memory=None):
    """A graph whose agent has made two steps, and asks in the third."""
    agent = coder(*STEPS, *more, tools=[send], interrupt_on={"send": True}, checkpointer=memory)
    return below(agent, InMemorySaver())


def inside(graph):
    """The state of the agent that waits."""
    return graph.get_state(THREAD, subgraphs=True).tasks[0].state


def past(graph):
    """The history of the agent that waits."""
    where = inside(graph).config["configurable"]
    named = {name: where[name] for name in ("thread_id", "checkpoint_ns")}
    return list(graph.get_state_history({"configurable": named}))


def test_the_state_of_an_agent_that_waits_is_seen_in_the_parents(send):
    graph = asking(send)
    graph.invoke(say("go"), THREAD)
    state = inside(graph)
    assert (state.next, state.values["variables"], len(state.values["steps"])) == (("execute",), {"n": "2"}, 2)
    assert state.tasks[0].interrupts == graph.get_state(THREAD).interrupts


def test_the_history_of_an_agent_is_read_through_the_parent(send):
    graph = asking(send)
    graph.invoke(say("go"), THREAD)
    history = past(graph)
    assert [state.next[0] for state in history if state.next][:4] == ["execute", "generate_code", "observe", "execute"]
    assert {str(state.values.get("variables", {})) for state in history} == {"{}", "{'n': '1'}", "{'n': '2'}"}


def after_one_step(graph):
    return next(
        state for state in past(graph) if state.next == ("generate_code",) and state.values["counters"]["steps"] == 1
    )


@pytest.mark.parametrize("forked", [False, True])
@both_ways
def test_from_a_checkpoint_inside_the_agent_it_goes_on_with_the_variables_of_then(how, forked, send, sent):
    graph = asking(send, code("final_answer(n * 100)"), memory=True)
    invoke(graph, say("go"), THREAD, how=how)
    then = after_one_step(graph).config
    if forked:
        then = graph.update_state(then, {"messages": [("user", "Times a hundred!")]}, as_node="observe")
    assert last(invoke(graph, None, then, how=how)) == "100"
    assert sent == []


@both_ways
def test_one_without_a_memory_of_the_thread_begins_anew_from_there(how, send, sent):
    """So LangGraph does it: such a subgraph is one step of its parent, and nobody can go into the middle of it."""
    graph = asking(send, code("final_answer('n' in globals())"))
    invoke(graph, say("go"), THREAD, how=how)
    assert last(invoke(graph, None, after_one_step(graph).config, how=how)) == "false"


@both_ways
def test_the_state_inside_may_be_changed_through_the_parent(how, send, sent):
    """Here: the code that waits to be run."""
    graph = asking(send)
    invoke(graph, say("go"), THREAD, how=how)
    state = inside(graph)
    changed = {**state.values["action"], "code": "final_answer(n + 40)"}
    graph.update_state(state.config, {"action": changed}, as_node="generate_code")
    assert last(invoke(graph, None, THREAD, how=how)) == "42"
    assert sent == []


@both_ways
def test_a_fork_of_the_parent_before_the_agent_begins_it_anew(how, send, sent):
    graph = asking(send, code("final_answer('n' in globals())"))
    invoke(graph, say("go"), THREAD, how=how)
    before = next(state for state in graph.get_state_history(THREAD) if state.next == ("analyst",))
    fork = graph.update_state(before.config, say("otherwise"))
    assert last(invoke(graph, None, fork, how=how)) == "false"


def test_a_parent_that_is_run_again_makes_its_calls_again(send, sent):
    """That is the meaning of a run from an earlier checkpoint; what has waited for a person waits again."""
    graph = asking(send, *STEPS)
    graph.invoke(say("go"), THREAD)
    assert answers(graph.invoke(Command(resume=APPROVE), THREAD)) == ['[2, "x was sent"]']
    before = next(state for state in graph.get_state_history(THREAD) if state.next == ("analyst",))
    assert len(graph.invoke(None, before.config)["__interrupt__"]) == 1
    assert answers(graph.invoke(Command(resume=APPROVE), THREAD)) == ['[2, "x was sent"]']
    assert sent == ["x", "x"]
