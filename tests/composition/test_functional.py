"""Agents in LangGraph's functional API: in an entrypoint, in tasks, with a checkpointer and without."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, RetryPolicy

from lumo_graph.checkpoints import aopen_checkpointer, open_checkpointer
from lumo_graph.models import RetryPolicy as ModelRetries
from tests.composition.agents import APPROVE, THREAD, both_ways, code, coder, invoke

TWO_CALLS = code("a = send('1')\nb = confirm('2')\nfinal_answer([a, b])")


def confirm(text: str) -> str:
    """Confirm a text."""
    return text


def workflow(agent, saver, *, how, in_task):
    """An entrypoint that asks an agent, directly or in a task."""

    @task
    def solve(question):
        return agent.invoke({"task": question})["answer"]

    @task
    async def asolve(question):
        return (await agent.ainvoke({"task": question}))["answer"]

    @entrypoint(checkpointer=saver)
    def flow(question):
        return solve(question).result() if in_task else agent.invoke({"task": question})["answer"]

    @entrypoint(checkpointer=saver)
    async def aflow(question):
        return await asolve(question) if in_task else (await agent.ainvoke({"task": question}))["answer"]

    return flow if how == "sync" else aflow


@pytest.mark.parametrize("in_task", [False, True])
@both_ways
def test_an_entrypoint_gets_the_answer(how, in_task):
    flow = workflow(coder(code("final_answer(6 * 7)")), None, how=how, in_task=in_task)
    assert invoke(flow, "6 * 7?", how=how) == 42


@pytest.mark.parametrize("in_task", [False, True])
@both_ways
def test_its_questions_are_the_entrypoints_and_no_call_is_made_again(how, in_task, send, sent):
    agent = coder(TWO_CALLS, tools=[send, confirm], interrupt_on={"confirm": True})
    flow = workflow(agent, InMemorySaver(), how=how, in_task=in_task)
    assert len(invoke(flow, "go", THREAD, how=how)["__interrupt__"]) == 1
    assert invoke(flow, Command(resume=APPROVE), THREAD, how=how) == ["1 was sent", "2"]
    assert sent == ["1"]


@both_ways
def test_another_process_may_answer_them(store, how, send, sent):
    def flow(saver, *replies):
        agent = coder(*replies, tools=[send, confirm], interrupt_on={"confirm": True})
        return workflow(agent, saver, how=how, in_task=True)

    async def go():
        async with aopen_checkpointer(store) as saver:
            await flow(saver, TWO_CALLS).ainvoke("go", THREAD)
        async with aopen_checkpointer(store) as saver:
            return await flow(saver).ainvoke(Command(resume=APPROVE), THREAD)

    if how == "async":
        result = asyncio.run(go())
    else:
        with open_checkpointer(store) as saver:
            flow(saver, TWO_CALLS).invoke("go", THREAD)
        with open_checkpointer(store) as saver:
            result = flow(saver).invoke(Command(resume=APPROVE), THREAD)
    assert (result, sent) == (["1 was sent", "2"], ["1"])


@both_ways
def test_after_a_failure_it_goes_on_inside_the_agent(how, send, sent):
    agent = coder(
        code("kept = send('1')"),
        ConnectionError("down"),
        code("final_answer(kept)"),
        tools=[send],
        retry=ModelRetries(attempts=1),
    )
    flow = workflow(agent, InMemorySaver(), how=how, in_task=True)
    with pytest.raises(Exception, match="down"):
        invoke(flow, "go", THREAD, how=how)
    assert (invoke(flow, None, THREAD, how=how), sent) == ("1 was sent", ["1"])


def test_a_task_that_is_tried_again_goes_on_inside_the_agent(send, sent):
    agent = coder(
        code("kept = send('1')"),
        ConnectionError("down"),
        code("final_answer(kept)"),
        tools=[send],
        retry=ModelRetries(attempts=1),
    )

    @task(retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.01, jitter=False))
    def solve(question):
        return agent.invoke({"task": question})["answer"]

    @entrypoint(checkpointer=InMemorySaver())
    def flow(question):
        return solve(question).result()

    assert (flow.invoke("go", THREAD), sent) == ("1 was sent", ["1"])


def test_several_tasks_at_once_have_agents_of_their_own(send, sent):
    agent = coder(*[lambda messages: code(f"final_answer(send({messages[-1].text!r}))")] * 4, tools=[send])

    @task
    def solve(question):
        return agent.invoke({"task": question})["answer"]

    @entrypoint(checkpointer=InMemorySaver())
    def flow(questions):
        return [future.result() for future in [solve(question) for question in questions]]

    assert flow.invoke(["a", "b", "c", "d"], THREAD) == [f"{name} was sent" for name in "abcd"]
    assert sorted(sent) == ["a", "b", "c", "d"]


def test_an_entrypoint_is_an_agent_that_is_called():
    """What it returned last time is there when it is called again, and so are the agent's answers."""
    agent = coder(code("final_answer(1)"), code("final_answer(2)"))

    @entrypoint(checkpointer=InMemorySaver())
    def flow(question, *, previous=None):
        found = [*(previous or []), agent.invoke({"task": question})["answer"]]
        return entrypoint.final(value=found[-1], save=found)

    assert flow.invoke("a", THREAD) == 1
    assert flow.invoke("b", THREAD) == 2
    assert flow.get_state(THREAD).values == 2
