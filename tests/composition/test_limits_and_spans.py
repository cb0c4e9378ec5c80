"""Limits and spans through a parent: each agent has its own limits, and all of them are one trace."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.types import Command, Send

from lumo_graph import Limits
from tests.composition.agents import APPROVE, THREAD, answers, below, both_ways, code, coder, invoke, last, say
from tests.tracing.conftest import spans, tracer  # noqa: F401 - fixtures

STEP = code("1")


class Bounded(MessagesState):
    limits: dict
    agent_type: str


@both_ways
def test_limits_and_the_agent_type_may_stand_in_the_parents_state(how):
    agent = coder(STEP, STEP, "That is all I have.")
    graph = below(agent, InMemorySaver(), schema=Bounded)
    values = invoke(graph, {**say("go"), "limits": {"max_steps": 2}, "agent_type": "code-agent"}, THREAD, how=how)
    assert last(values) == "That is all I have."


def test_an_adapter_may_give_each_call_its_own():
    agent = coder(*[STEP] * 3, "One.", *[STEP] * 2, "Two.")

    def both(state):
        found = [agent.invoke({"task": "go", "limits": {"max_steps": most}}) for most in (3, 2)]
        return say(str([(values["outcome"], len(values["steps"])) for values in found]))

    assert last(below(both, InMemorySaver()).invoke(say("go"), THREAD)) == "[('max_steps', 3), ('max_steps', 2)]"


def test_two_agents_have_limits_of_their_own():
    builder = StateGraph(MessagesState)
    builder.add_node("short", coder(STEP, "Short.", limits=Limits(max_steps=1)))
    builder.add_node("long", coder(STEP, STEP, code("final_answer('Long.')"), limits=Limits(max_steps=9)))
    builder.add_edge(START, "short").add_edge("short", "long")
    assert answers(builder.compile().invoke(say("go"))) == ["Short.", "Long."]


def test_what_was_used_before_a_question_counts_after_it(send):
    agent = coder(
        code("send('a')"), code("send('b')"), "Two are sent.", tools=[send], interrupt_on={"send": True},
        limits=Limits(max_tool_calls=2),
    )  # fmt: skip
    graph = below(agent, InMemorySaver())
    graph.invoke(say("go"), THREAD)
    graph.invoke(Command(resume=APPROVE), THREAD)
    assert last(graph.invoke(Command(resume=APPROVE), THREAD)) == "Two are sent."


class Counted(MessagesState):
    remaining_steps: RemainingSteps


def test_the_parents_remaining_steps_are_its_own():
    """An agent is one step of its parent, however many it makes."""
    left = []
    builder = StateGraph(Counted)
    builder.add_node("analyst", coder(STEP, STEP, code("final_answer(1)")))
    builder.add_node("after", lambda state: left.append(state["remaining_steps"]) or {})
    builder.add_edge(START, "analyst").add_edge("analyst", "after")
    builder.compile().invoke(say("go"), {"recursion_limit": 25})
    assert left == [23]


# -- spans

RUN = [
    "invoke_agent analyst", "  code_agent.step", "    chat scripted", "    execute_tool python_interpreter",
    "      execute_tool send",
]  # fmt: skip
ANSWERS = code("final_answer(send('a'))")


@pytest.mark.parametrize("memory", [None, True, False])
@both_ways
def test_an_agent_in_a_parent_is_one_branch_below_the_callers_span(how, memory, send, spans, tracer):  # noqa: F811
    graph = below(coder(ANSWERS, tools=[send], name="analyst", checkpointer=memory), InMemorySaver())
    with tracer.start_as_current_span("request"):
        invoke(graph, say("go"), THREAD, how=how)
    assert spans.tree == ["request", *("  " + line for line in RUN)]
    assert spans.one("invoke_agent").attributes["gen_ai.conversation.id"] == "t"


@both_ways
def test_a_fan_out_is_as_many_branches(how, send, spans, tracer):  # noqa: F811
    builder = StateGraph(MessagesState)
    builder.add_node("worker", coder(*[ANSWERS] * 3, tools=[send], name="analyst"))
    builder.add_conditional_edges(START, lambda _: [Send("worker", say(str(n))) for n in range(3)], ["worker"])
    with tracer.start_as_current_span("request"):
        invoke(builder.compile(checkpointer=InMemorySaver()), say("go"), THREAD, how=how)
    assert sorted(spans.tree) == sorted(["request", *("  " + line for line in RUN * 3)])


@both_ways
def test_a_resume_through_the_parent_links_to_what_it_goes_on_with(how, send, spans, tracer):  # noqa: F811
    agent = coder(ANSWERS, tools=[send], name="analyst", interrupt_on={"send": True})
    graph = below(agent, InMemorySaver())
    invoke(graph, say("go"), THREAD, how=how)
    first = spans.one("invoke_agent")
    assert first.attributes["lumo_graph.outcome"] == "interrupted"
    spans.clear()
    with tracer.start_as_current_span("answer"):
        invoke(graph, Command(resume=APPROVE), THREAD, how=how)
    second = spans.one("invoke_agent")
    assert spans.parent_of(second).name == "answer"
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert second.attributes["lumo_graph.outcome"] == "answered"


@both_ways
def test_a_new_attempt_of_the_node_is_a_branch_of_its_own_that_links_to_the_first(how, send, spans, tracer):  # noqa: F811
    from langgraph.types import RetryPolicy

    from lumo_graph.models import RetryPolicy as ModelRetries

    agent = coder(
        code("kept = send('a')"), ConnectionError("down"), code("final_answer(kept)"), tools=[send], name="analyst",
        retry=ModelRetries(attempts=1),
    )  # fmt: skip
    policy = RetryPolicy(max_attempts=2, initial_interval=0.01, jitter=False)
    graph = below(agent, InMemorySaver(), retry_policy=policy)
    with tracer.start_as_current_span("request"):
        invoke(graph, say("go"), THREAD, how=how)
    first, second = spans.named("invoke_agent")
    assert [span.attributes["lumo_graph.outcome"] for span in (first, second)] == ["failed", "answered"]
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
