"""The three ways of LangGraph to keep a subgraph: for one call, for the thread, and not at all."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from lumo_graph.checkpoints import fork_thread, open_checkpointer
from lumo_graph.errors import ConfigurationError
from tests.composition.agents import THREAD, answers, below, both_ways, calling, code, coder, invoke, last, say

COUNT = code("n = globals().get('n', 0) + 1\nfinal_answer(n)")


@both_ways
@pytest.mark.parametrize(("memory", "counted"), [(None, ["1", "1"]), (True, ["1", "2"]), (False, ["1", "1"])])
def test_variables_last_for_a_call_or_for_the_thread(how, memory, counted):
    graph = below(coder(COUNT, COUNT, checkpointer=memory), InMemorySaver())
    assert [last(invoke(graph, say("count"), THREAD, how=how)) for _ in range(2)] == counted


def test_what_lasts_for_the_thread_is_in_no_other_thread():
    graph = below(coder(COUNT, COUNT, checkpointer=True), InMemorySaver())
    threads = [{"configurable": {"thread_id": name}} for name in "ab"]
    assert [last(graph.invoke(say("count"), thread)) for thread in threads] == ["1", "1"]


def test_what_lasts_for_the_thread_lasts_in_another_process_too(store):
    for expected in ("1", "2"):  # an agent made anew has no live session
        with open_checkpointer(store) as saver:
            assert last(below(coder(COUNT, checkpointer=True), saver).invoke(say("count"), THREAD)) == expected


@both_ways
@pytest.mark.parametrize("reply", [code("final_answer(send('x'))"), calling("send", text="x")])
def test_one_that_stores_nothing_may_call_tools_with_effects(how, reply, send, sent):
    from lumo_graph import create_lumo_agent
    from lumo_graph.testing import ScriptedModel

    kind = "code-agent" if isinstance(reply, str) else "function-calling"
    agent = create_lumo_agent(ScriptedModel([reply, "x was sent"]), [send], agent_type=kind, checkpointer=False)
    assert last(invoke(below(agent, InMemorySaver()), say("go"), THREAD, how=how)) == "x was sent"
    assert sent == ["x"]


def test_one_that_stores_nothing_cannot_ask_a_person(send):
    with pytest.raises(ConfigurationError, match="checkpointer=False stores nothing"):
        coder(tools=[send], interrupt_on={"send": True}, checkpointer=False)
    agent = coder(code("send('x')"), tools=[send], interrupt_on={"send": True}).copy({"checkpointer": False})
    with pytest.raises(ConfigurationError, match="needs a checkpointer"):
        below(agent, InMemorySaver()).invoke(say("go"), THREAD)


def test_alone_one_with_a_memory_of_the_thread_is_refused_by_langgraph():
    with pytest.raises(RuntimeError, match="cannot be used for root graphs"):
        coder(COUNT, checkpointer=True).invoke({"task": "count"}, THREAD)


def two(saver, *, first, second, memory=True):
    """A graph of two agents, one after the other."""
    builder = StateGraph(MessagesState)
    builder.add_node("one", coder(*first, checkpointer=memory))
    builder.add_node("two", coder(*second, checkpointer=memory))
    builder.add_edge(START, "one").add_edge("one", "two").add_edge("two", END)
    return builder.compile(checkpointer=saver)


@both_ways
def test_two_agents_of_a_thread_have_variables_of_their_own_across_turns(how):
    first = [code("x = 'a'\nfinal_answer(x)"), code("final_answer(x)")]
    second = [code("x = 'b'\nfinal_answer(x)"), code("final_answer(x)")]
    graph = two(InMemorySaver(), first=first, second=second)
    assert answers(invoke(graph, say("set"), THREAD, how=how)) == ["a", "b"]
    assert answers(invoke(graph, say("get"), THREAD, how=how))[-2:] == ["a", "b"]


def test_they_have_them_across_a_crash(store):
    first, second = code("x = 'a'\nfinal_answer(x)"), code("x = 'b'\nfinal_answer(x)")
    get = code("final_answer(x)")
    with open_checkpointer(store) as saver:
        two(saver, first=[first], second=[second]).invoke(say("set"), THREAD)
        with pytest.raises(KeyboardInterrupt):
            two(saver, first=[get], second=[KeyboardInterrupt()]).invoke(say("get"), THREAD)
    with open_checkpointer(store) as saver:
        assert answers(two(saver, first=[], second=[get]).invoke(None, THREAD))[-2:] == ["a", "b"]


def sets(value):
    return code(f"x = globals().get('x', '') + {value!r}\nfinal_answer(x)")


@both_ways
def test_where_the_parent_is_run_again_from_an_earlier_checkpoint_they_have_those_of_then(how):
    graph = two(InMemorySaver(), first=[sets(n) for n in "1234"], second=[sets(n) for n in "abcd"])
    for _ in range(3):
        values = invoke(graph, say("add"), THREAD, how=how)
    assert answers(values)[-2:] == ["123", "abc"]
    second_turn = [state for state in graph.get_state_history(THREAD) if state.next == ("one",)][1]
    assert answers(invoke(graph, None, second_turn.config, how=how))[-2:] == ["14", "ad"]


@both_ways
def test_in_a_fork_they_have_those_of_then(how):
    graph = two(InMemorySaver(), first=[sets(n) for n in "1234"], second=[sets(n) for n in "abcde"])
    for _ in range(3):
        invoke(graph, say("add"), THREAD, how=how)
    second_turn = [state for state in graph.get_state_history(THREAD) if state.next == ("two",)][1]
    fork = graph.update_state(second_turn.config, {"messages": [("user", "otherwise")]}, as_node="one")
    assert answers(invoke(graph, None, fork, how=how))[-1] == "ad"
    assert answers(invoke(graph, say("and"), THREAD, how=how))[-2] == "1234"


def test_a_new_input_to_an_earlier_checkpoint_finds_what_lasts_for_the_thread_as_it_is_now():
    """So LangGraph does it, for every subgraph: the parent goes back, a memory of the thread does not."""
    graph = below(coder(*[sets(n) for n in "123"], checkpointer=True), InMemorySaver())
    graph.invoke(say("add"), THREAD)
    then = graph.get_state(THREAD).config
    graph.invoke(say("add"), THREAD)
    assert last(graph.invoke(say("add"), then)) == "123"


def test_a_thread_of_a_graph_around_agents_is_forked_by_that_graph(store):
    """`fork_thread` knows the threads of agents only: of another graph it would leave the agents' memories behind."""
    with open_checkpointer(store) as saver:
        two(saver, first=[COUNT], second=[COUNT]).invoke(say("count"), THREAD)
    with pytest.raises(ConfigurationError, match="is of another graph: it has branch:to:one, branch:to:two"):
        fork_thread(store, "t", at="1")


def test_a_node_that_calls_it_twice_has_two_memories():
    """LangGraph numbers the calls of a node: the second one has a namespace of its own, and finds it again."""
    agent = coder(*[COUNT] * 4, checkpointer=True)

    def twice(state):
        return say(f"{agent.invoke({'task': 'a'})['answer']} {agent.invoke({'task': 'b'})['answer']}")

    graph = below(twice, InMemorySaver())
    assert [last(graph.invoke(say("count"), THREAD)) for _ in range(2)] == ["1 1", "2 2"]
