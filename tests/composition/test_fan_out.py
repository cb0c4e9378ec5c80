"""Many agents at once, by `Send`: with questions, failures, few sessions, and memories that cannot be shared."""

import re

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel
from tests.composition.agents import APPROVE, THREAD, answers, both_ways, code, coder, invoke, last, say

NAMES = [f"n{number}" for number in range(8)]


def fan(agent, checkpointer=None):
    """Eight calls of one agent at once."""
    builder = StateGraph(MessagesState)
    builder.add_node("worker", agent)
    builder.add_conditional_edges(START, lambda _: [Send("worker", say(name)) for name in NAMES], ["worker"])
    builder.add_edge("worker", END)
    return builder.compile(checkpointer=checkpointer)


def name_of(messages):
    """The task of the call; observations follow it."""
    return next(found for message in messages if (found := re.fullmatch(r"n\d", message.text.split("\n")[0])))[0]


def works(messages):
    """Two steps each: what the first has left is there in the second, and is of nobody else."""
    name = name_of(messages)
    if any("Observation" in message.text for message in messages):
        return code(f"final_answer([kept, {name!r}])")
    return code(f"kept = send({name!r})")


@pytest.mark.parametrize("stored", [True, False])
@both_ways
def test_eight_agents_at_once_have_variables_of_their_own(how, stored, send, sent):
    graph = fan(coder(*[works] * 16, tools=[send]), InMemorySaver() if stored else None)
    values = invoke(graph, say("go"), THREAD, how=how)
    assert answers(values) == [f'["{name} was sent", "{name}"]' for name in NAMES]
    assert sorted(sent) == NAMES


@both_ways
def test_with_fewer_idle_sessions_than_agents_it_is_the_same(how, send, sent):
    graph = fan(coder(*[works] * 16, tools=[send], idle_sessions=2), InMemorySaver())
    values = invoke(graph, say("go"), THREAD, how=how)
    assert answers(values) == [f'["{name} was sent", "{name}"]' for name in NAMES]
    assert sorted(sent) == NAMES


@both_ways
def test_a_limit_of_how_many_run_at_once_holds(how):
    running, most = [], []

    def enter(messages):
        running.append(1)
        most.append(len(running))
        return code(f"leave()\nfinal_answer({name_of(messages)!r})")

    def leave() -> None:
        """Says that an agent is at its end."""
        running.pop()

    agent = coder(*[enter] * 8, tools=[leave])
    values = invoke(fan(agent, InMemorySaver()), say("go"), {**THREAD, "max_concurrency": 2}, how=how)
    assert answers(values) == NAMES
    assert max(most) <= 2


def asks(messages):
    name = name_of(messages)
    if name in {"n1", "n3", "n5"}:
        return code(f"told = send({name!r})\nfinal_answer([told, confirm({name!r})])")
    return code(f"final_answer(send({name!r}))")


@pytest.fixture
def confirm(sent):
    def confirm(text: str) -> str:
        """Do what a person must allow."""
        sent.append(f"confirmed {text}")
        return "yes"

    return confirm


@both_ways
def test_three_of_them_ask_and_one_command_answers_them_all(how, send, confirm, sent):
    agent = coder(*[asks] * 8, tools=[send, confirm], interrupt_on={"confirm": True})
    graph = fan(agent, InMemorySaver())
    asked = invoke(graph, say("go"), THREAD, how=how)["__interrupt__"]
    assert {one.value["action_requests"][0]["args"]["text"] for one in asked} == {"n1", "n3", "n5"}
    assert sorted(sent) == NAMES
    decisions = {
        one.id: {"type": "respond", "message": "no"} if "n3" in str(one.value["action_requests"]) else APPROVE
        for one in asked
    }
    said = answers(invoke(graph, Command(resume=decisions), THREAD, how=how))
    assert said[1::2][:3] == ['["n1 was sent", "yes"]', '["n3 was sent", "no"]', '["n5 was sent", "yes"]']
    assert sorted(sent) == sorted([*NAMES, "confirmed n1", "confirmed n5"])


def test_they_may_be_answered_one_after_the_other(send, confirm, sent):
    agent = coder(*[asks] * 8, tools=[send, confirm], interrupt_on={"confirm": True})
    graph = fan(agent, InMemorySaver())
    asked = graph.invoke(say("go"), THREAD)["__interrupt__"]
    for left in (2, 1, 0):
        values = graph.invoke(Command(resume={asked[left].id: APPROVE}), THREAD)
        assert len(values.get("__interrupt__", ())) == left
    assert len(answers(values)) == 8
    assert sorted(sent) == sorted([*NAMES, "confirmed n1", "confirmed n3", "confirmed n5"])


@both_ways
def test_one_that_fails_is_gone_on_with_and_the_others_are_not_run_again(how, send, sent):
    failed = []

    def fails_once(messages):
        if name_of(messages) == "n4" and "was sent" in str(messages) and not failed:
            failed.append(1)
            return ConnectionError("down")
        return works(messages)

    # On a loop the calls of the others are cancelled with it, and some models are asked again.
    agent = coder(*[fails_once] * 32, tools=[send], retry=RetryPolicy(attempts=1))
    graph = fan(agent, InMemorySaver())
    with pytest.raises(ModelError):
        invoke(graph, say("go"), THREAD, how=how)
    values = invoke(graph, None, THREAD, how=how)
    assert answers(values) == [f'["{name} was sent", "{name}"]' for name in NAMES]
    assert sorted(sent) == NAMES


@both_ways
def test_parallel_calls_that_would_share_one_memory_are_refused(how, send):
    agent = coder(*[works] * 16, tools=[send], checkpointer=True, name="worker")
    with pytest.raises(ConfigurationError, match=r"runs several times at once .*'worker' of thread 't'"):
        invoke(fan(agent, InMemorySaver()), say("go"), THREAD, how=how)


def test_after_that_the_thread_is_not_in_use():
    agent = coder(*[code("final_answer(1)")] * 20, checkpointer=True)
    with pytest.raises(ConfigurationError):
        fan(agent, InMemorySaver()).invoke(say("go"), THREAD)
    builder = StateGraph(MessagesState)
    builder.add_node("worker", agent)
    builder.add_edge(START, "worker")
    assert last(builder.compile(checkpointer=InMemorySaver()).invoke(say("go"), THREAD)) == "1"


def test_function_calling_agents_fan_out_too(send, sent):
    from langchain_core.messages import AIMessage

    def calls(messages):
        name = name_of(messages)
        if messages[-1].type == "tool":
            return name
        return AIMessage("", tool_calls=[{"name": "send", "args": {"text": name}, "id": f"call-{name}"}])

    graph = fan(create_lumo_agent(ScriptedModel([calls] * 16), [send]), InMemorySaver())
    values = graph.invoke(say("go"), THREAD)
    assert [text for text in answers(values) if text] == NAMES
    assert sorted(sent) == NAMES
