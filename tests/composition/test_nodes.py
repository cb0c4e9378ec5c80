"""An agent as a node: what it shares with its parent, and what LangGraph may do with a node."""

import operator
import os
from typing import Annotated, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError, NodeTimeoutError
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import CachePolicy, RetryPolicy

from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.models import RetryPolicy as ModelRetries
from tests.composition.agents import THREAD, answers, below, both_ways, code, coder, invoke, last, say
from tests.watching import processes_below, until

ONCE = ModelRetries(attempts=1)


@both_ways
def test_it_reads_the_parents_messages_and_appends_its_own(how):
    agent = coder(lambda messages: code(f"final_answer({messages[-1].text!r} + '!')"))
    values = invoke(below(agent), {"messages": [("user", "first"), ("ai", "aha"), ("user", "second")]}, how=how)
    assert [message.type for message in values["messages"]] == ["human", "ai", "human", "ai", "human", "ai"]
    assert last(values) == "second!"


def test_no_message_of_the_parent_is_written_twice():
    values = below(coder(code("final_answer(1)"))).invoke(say("one"))
    ids = [message.id for message in values["messages"]]
    assert len(set(ids)) == len(ids) == 4


class Report(TypedDict, total=False):
    question: str
    finding: float
    usage: dict


@both_ways
def test_with_another_schema_an_adapter_says_what_goes_in_and_what_comes_out(how):
    analyst = coder(code("final_answer(6 * 7)"))

    def analyse(state):
        return {"finding": analyst.invoke({"task": state["question"]})["answer"]}

    async def aanalyse(state):
        return {"finding": (await analyst.ainvoke({"task": state["question"]}))["answer"]}

    graph = below(analyse if how == "sync" else aanalyse, schema=Report)
    assert invoke(graph, {"question": "6 * 7?"}, how=how) == {"question": "6 * 7?", "finding": 42}


class Shared(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    answer: object
    outcome: str
    steps: Annotated[list, operator.add]
    usage: Annotated[list, lambda before, new: [*before, new]]


@both_ways
def test_outputs_that_the_parent_names_too_go_through_its_reducers(how):
    builder = StateGraph(Shared)
    for node in ("one", "two"):
        builder.add_node(node, coder(code(f"final_answer('{node}')")))
    builder.add_edge(START, "one").add_edge("one", "two").add_edge("two", END)
    values = invoke(builder.compile(), {**say("go"), "steps": [], "usage": []}, how=how)
    assert (values["answer"], values["outcome"]) == ("two", "answered")
    # What both have written is reduced as the parent says. A list that both sides hold must not be added to itself.
    assert [step["code"] for step in values["steps"]] == ["final_answer('one')", "final_answer('two')"]
    assert [usage["model_calls"] for usage in values["usage"] if usage] == [1, 1]


class Asked(TypedDict):
    messages: Annotated[list, add_messages]


class Told(TypedDict):
    outcome: str


class Both(Asked, Told):
    pass


def test_the_parents_own_input_and_output_schemas_hold():
    builder = StateGraph(Both, input_schema=Asked, output_schema=Told)
    builder.add_node("analyst", coder(code("final_answer(1)")))
    builder.add_edge(START, "analyst")
    assert builder.compile().invoke(say("go")) == {"outcome": "answered"}


@both_ways
def test_one_agent_may_be_two_nodes(how):
    agent = coder(code("x = 'first'\nfinal_answer(x)"), code("final_answer('x' in globals())"))
    builder = StateGraph(MessagesState)
    builder.add_node("one", agent)
    builder.add_node("two", agent)
    builder.add_edge(START, "one").add_edge("one", "two").add_edge("two", END)
    values = invoke(builder.compile(checkpointer=InMemorySaver()), say("go"), THREAD, how=how)
    assert answers(values) == ["first", "false"]


@pytest.mark.parametrize("memory", [None, True])
def test_in_a_loop_it_is_visited_again_and_answers_again(memory):
    agent = coder(*[code("n = globals().get('n', 0) + 1\nfinal_answer(n)")] * 3, checkpointer=memory)
    builder = StateGraph(MessagesState)
    builder.add_node("analyst", agent)
    builder.add_node("again", lambda state: {"messages": [HumanMessage(f"and more than {last(state)}?")]})
    builder.add_edge(START, "analyst").add_edge("again", "analyst")
    builder.add_conditional_edges("analyst", lambda state: "again" if len(answers(state)) < 3 else END, ["again", END])
    values = builder.compile(checkpointer=InMemorySaver()).invoke(say("go"), THREAD)
    assert answers(values) == (["1", "2", "3"] if memory else ["1", "1", "1"])


@pytest.mark.parametrize("memory", [None, True])
@pytest.mark.parametrize("kind", ["code-agent", "function-calling"])
@both_ways
def test_a_node_that_is_tried_again_goes_on_where_it_failed(how, memory, kind, send, sent):
    from langchain_core.messages import AIMessage

    from lumo_graph import create_lumo_agent
    from lumo_graph.testing import ScriptedModel

    call = AIMessage("", tool_calls=[{"name": "send", "args": {"text": "once"}, "id": "c"}])
    first, end = (code("told = send('once')"), code("final_answer(told)"))
    replies = [first, *[ConnectionError("down")] * 2, end]
    if kind == "function-calling":
        replies = [call, *[ConnectionError("down")] * 2, "once was sent"]
    model = ScriptedModel(replies)
    agent = create_lumo_agent(model, [send], agent_type=kind, retry=ONCE, checkpointer=memory)
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01, jitter=False)
    graph = below(agent, InMemorySaver(), retry_policy=policy)
    assert last(invoke(graph, say("go"), THREAD, how=how)) == "once was sent"
    assert sent == ["once"]
    model.assert_consumed()


def test_where_a_node_calls_several_agents_a_new_attempt_never_takes_one_for_the_other(send, sent):
    """LangGraph numbers the calls of a node; where it is not certain which one failed, each begins anew."""
    one = coder(*[code("final_answer(send('one'))")] * 2, tools=[send])
    two = coder(ConnectionError("down"), code("final_answer(send('two'))"), tools=[send], retry=ONCE)

    def both(state):
        return say(one.invoke({"task": "a"})["answer"] + ", " + two.invoke({"task": "b"})["answer"])

    policy = RetryPolicy(max_attempts=2, initial_interval=0.01, jitter=False)
    graph = below(both, InMemorySaver(), retry_policy=policy)
    assert last(graph.invoke(say("go"), THREAD)) == "one was sent, two was sent"
    assert sent == ["one", "one", "two"]


def test_another_agent_in_the_next_attempt_begins_anew(send, sent):
    first = coder(code("kept = send('first')"), ConnectionError("down"), tools=[send], retry=ONCE)
    second = coder(code("final_answer('kept' in globals())"))
    tried = []

    def call(state):
        tried.append(1)
        return say(str((first if len(tried) == 1 else second).invoke({"task": "go"})["answer"]))

    policy = RetryPolicy(max_attempts=2, initial_interval=0.01, jitter=False)
    assert last(below(call, InMemorySaver(), retry_policy=policy).invoke(say("go"), THREAD)) == "False"


def test_without_a_store_a_new_attempt_begins_anew():
    agent = coder(code("x = 1"), ConnectionError("down"), code("final_answer('x' in globals())"), retry=ONCE)
    policy = RetryPolicy(max_attempts=2, initial_interval=0.01, jitter=False)
    assert last(below(agent, retry_policy=policy).invoke(say("go"))) == "false"


@both_ways
def test_what_a_cached_node_has_said_is_said_again_without_asking(how):
    builder = StateGraph(MessagesState)
    policy = CachePolicy(key_func=last)
    builder.add_node("analyst", coder(code("final_answer(1)")), cache_policy=policy)
    builder.add_edge(START, "analyst")
    graph = builder.compile(cache=InMemoryCache())
    assert [last(invoke(graph, say("go"), how=how)) for _ in range(2)] == ["1", "1"]


def test_a_deferred_node_waits_for_the_others():
    builder = StateGraph(MessagesState)
    builder.add_node("fast", lambda _: {"messages": [("user", "what is known?")]})
    builder.add_node("slow", lambda _: {})
    builder.add_node("slower", lambda _: {"messages": [("user", "all")]})
    agent = coder(lambda messages: code(f"final_answer({messages[-1].text!r})"))
    builder.add_node("analyst", agent, defer=True)
    builder.add_edge(START, "fast").add_edge(START, "slow").add_edge("slow", "slower")
    builder.add_edge("fast", "analyst").add_edge("slower", "analyst")
    assert last(builder.compile().invoke(say("go"))) == "all"


def test_a_node_that_takes_too_long_is_ended_with_its_action(send, sent):
    close_zygotes()
    known = processes_below(os.getpid())
    agent = coder(code("send('begun')\nimport time\ntime.sleep(60)\nsend('later')"), "Over.", tools=[send])
    with pytest.raises(NodeTimeoutError):
        invoke(below(agent, InMemorySaver(), timeout=2.0), say("go"), THREAD, how="async")
    assert sent == ["begun"]
    assert until(lambda: len(processes_below(os.getpid()) - known) <= 1)  # the zygote


def test_without_an_event_loop_langgraph_refuses_a_timeout():
    with pytest.raises(ValueError, match="only supported for async nodes"):
        below(coder("x"), timeout=2.0).invoke(say("go"))


def test_the_parents_recursion_limit_ends_it_and_a_higher_one_goes_on(send, sent):
    agent = coder(code("kept = send('once')"), code("1"), code("final_answer(kept)"), tools=[send])
    graph = below(agent, InMemorySaver())
    with pytest.raises(GraphRecursionError):
        graph.invoke(say("go"), {**THREAD, "recursion_limit": 7})
    assert last(graph.invoke(None, {**THREAD, "recursion_limit": 50})) == "once was sent"
    assert sent == ["once"]
