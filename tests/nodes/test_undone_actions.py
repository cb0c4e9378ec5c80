"""What becomes of the live session when its action is undone."""

import sys

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from lumo_graph import Limits, create_lumo_agent, run
from lumo_graph.testing import ScriptedModel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can protect a frozen copy")


def code(text):
    return f"```python\n{text}\n```"


def ask(question: str) -> str:
    """Ask a person."""
    return interrupt(question)


def test_a_generator_survives_an_action_that_runs_too_long():
    replies = [
        code("numbers = iter([1, 2])\nfirst = next(numbers)"),
        code("next(numbers)\nwhile True: pass"),
        code("final_answer([first, next(numbers)])"),
    ]
    result = run(
        "go",
        ScriptedModel(replies),
        agent_type="code-agent",
        limits=Limits(action_seconds=0.3),
        checkpointer="memory://",
    )
    assert result.answer == [1, 2]


def test_a_generator_survives_the_wait_for_a_person():
    replies = [
        code("numbers = iter([1, 2, 3])\nfirst = next(numbers)"),
        code("second = next(numbers)\nfinal_answer([first, second, ask('go on?')])"),
    ]
    agent = create_lumo_agent(
        ScriptedModel(replies), tools=[ask], agent_type="code-agent", checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "t"}}
    assert "__interrupt__" in agent.invoke({"task": "go"}, config)
    assert agent.invoke(Command(resume="yes"), config)["answer"] == [1, 2, "yes"]
