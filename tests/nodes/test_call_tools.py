"""Native calls that hang, ask a person, come in crowds, or end the program."""

import asyncio
import sys
import threading

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from lumo_graph import Limits, arun, create_lumo_agent, run
from lumo_graph.testing import ScriptedModel


def asking(*calls):
    return AIMessage("", tool_calls=[{"name": n, "args": a, "id": f"c{at}"} for at, (n, a) in enumerate(calls)])


def told(result):
    return {m.tool_call_id: m.text for m in result.messages if isinstance(m, ToolMessage)}


async def slow(seconds: float) -> str:
    """Takes its time."""
    EVENTS.append("began")
    await asyncio.sleep(seconds)
    EVENTS.append("took effect")
    return "done"


EVENTS = []


@pytest.mark.anyio
async def test_an_async_tool_that_hangs_is_cancelled_and_the_run_goes_on():
    EVENTS.clear()
    result = await arun("x", ScriptedModel([asking(("slow", {"seconds": 60})), "So be it."]), tools=[slow],
                        limits={"action_seconds": 0.2})  # fmt: skip
    assert result.answer == "So be it."
    assert "TimeoutError" in told(result)["c0"]
    assert EVENTS == ["began"]


def test_without_an_event_loop_it_is_cancelled_just_the_same():
    EVENTS.clear()
    replies = [asking(("slow", {"seconds": 0.6})), lambda _: threading.Event().wait(0.8) or "So be it."]
    result = run("x", ScriptedModel(replies), tools=[slow], limits={"action_seconds": 0.2})
    assert result.answer == "So be it."
    assert EVENTS == ["began"]


def test_a_tool_that_ends_the_program_has_failed():
    def leave() -> None:
        """Leaves."""
        sys.exit(3)

    result = run("x", ScriptedModel([asking(("leave", {})), "It did not work."]), tools=[leave])
    assert result.answer == "It did not work."
    assert "SystemExit" in told(result)["c0"]


def test_a_crowd_of_calls_is_served_by_few_threads():
    most = 0

    def count(n: int) -> int:
        """Count."""
        nonlocal most
        most = max(most, threading.active_count())
        return n

    result = run("x", ScriptedModel([asking(*[("count", {"n": n}) for n in range(200)]), "Done."]), tools=[count])
    assert [told(result)[f"c{n}"] for n in range(200)] == [str(n) for n in range(200)]
    assert most < threading.active_count() + 64


def test_two_calls_of_one_id_get_their_own_answers():
    double = {"name": "shout", "id": "same"}

    def shout(text: str) -> str:
        """Shout."""
        return text.upper()

    calls = [{**double, "args": {"text": "a"}}, {**double, "args": {"text": "b"}}]
    result = run("x", ScriptedModel([AIMessage("", tool_calls=calls), "Done."]), tools=[shout])
    assert sorted(told(result).values()) == ["A", "B"]


def pay(amount: int) -> str:
    """Pay, once a person agrees."""
    return f"paid {amount}: {interrupt(f'pay {amount}?')}"


def test_a_call_that_asks_a_person_waits_and_goes_on():
    model = ScriptedModel([asking(("pay", {"amount": 3})), "Paid."])
    agent = create_lumo_agent(model, tools=[pay], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    waiting = agent.invoke({"task": "pay"}, config)
    assert waiting["__interrupt__"][0].value == "pay 3?"
    result = agent.invoke(Command(resume="yes"), config)
    assert (result["answer"], result["steps"][0]["observation"]) == ("Paid.", "paid 3: yes")


@pytest.mark.parametrize("agent_type", ["function-calling", "code-agent"])
def test_two_calls_that_ask_at_once_are_refused_so_that_no_answer_reaches_the_wrong_one(agent_type):
    replies = {
        "function-calling": [asking(("pay", {"amount": 1}), ("pay", {"amount": 2})), "I see."],
        "code-agent": [
            "```python\nfor n in (1, 2):\n    try: pay(n)\n    except RuntimeError as e: print(e)\n```",
            "Ok.",
        ],
    }[agent_type]
    model = ScriptedModel(replies)
    agent = create_lumo_agent(model, tools=[pay], agent_type=agent_type, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    result = agent.invoke({"task": "pay"}, config)
    if agent_type == "code-agent":  # the first may ask; the second may not
        assert [found.value for found in result["__interrupt__"]] == ["pay 1?"]
        result = agent.invoke(Command(resume="yes"), config)
    assert "Call it alone" in result["steps"][0]["observation"]
    assert "__interrupt__" not in result


def test_the_time_of_the_run_bounds_its_calls():
    released = threading.Event()

    def hang() -> None:
        """Hangs."""
        released.wait(20)

    model = ScriptedModel([asking(("hang", {})), "Out of time."])
    result = run("x", model, tools=[hang], limits=Limits(max_seconds=1.0, action_seconds=20))
    released.set()
    assert (result.outcome, result.answer) == ("budget", "Out of time.")
    assert result.steps[0].seconds < 15


def test_final_answer_without_its_argument_is_told_to_the_model():
    result = run(
        "x", ScriptedModel([asking(("final_answer", {})), asking(("final_answer", {"answer": 7}))]), tools=[pay]
    )
    assert result.answer == 7
    assert "answer=" in result.steps[0].observation


def test_many_long_results_share_the_room_of_one_observation():
    def long(n: int) -> str:
        """Long."""
        return "x" * 5000

    model = ScriptedModel([asking(*[("long", {"n": n}) for n in range(20)]), "Done."])
    result = run("x", model, tools=[long], limits={"max_observation_chars": 4000})
    assert len(result.steps[0].observation) < 8000
