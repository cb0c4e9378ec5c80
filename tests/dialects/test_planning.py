from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from lumo_graph.dialects import plan_prompt, replan_prompt
from lumo_graph.types import ToolSpec

TOOLS = [ToolSpec(name="search", doc="Search the web.\n\nMore."), ToolSpec(name="ping")]


def test_the_first_plan_starts_from_the_facts() -> None:
    assert plan_prompt("Sum the {primes} below 100.", tools=TOOLS, steps_left=10) == snapshot("""\
Before you act, take stock and make a plan. Write no code and call no tool in this reply.

# Facts

- Given: what the task says.
- To look up: what a tool can tell, and which tool.
- To work out: what follows from the rest by reasoning or computing.

# Plan

A short numbered list of steps, from here to the answer. At most 10 steps are left.

The tools:

- search: Search the web.
- ping

The task:

Sum the {primes} below 100.\
""")


def test_a_later_plan_starts_from_what_was_learnt() -> None:
    assert replan_prompt("Sum the primes below 100.", tools=[], steps_left=1) == snapshot("""\
Stop and bring the plan up to date. Write no code and call no tool in this reply.

# Facts

- Known: what the task says and what the observations so far have shown, with the variables that hold it.
- To look up: what a tool can still tell, and which tool.
- To work out: what follows from the rest by reasoning or computing.

# Plan

Only the steps that remain, as a short numbered list. Drop what did not work. One step is left: it must give the answer.

There are no tools.

The task is still:

Sum the primes below 100.\
""")


@pytest.mark.parametrize("prompt", [plan_prompt, replan_prompt])
def test_a_long_task_and_many_tools_are_bounded(prompt: Callable[..., str]) -> None:
    tools = [ToolSpec(name=f"tool_{number}", doc="x" * 10_000) for number in range(300)]
    text = prompt("y" * 1_000_000, tools=tools, steps_left=5)
    assert len(text) < 50_000
    assert "and 200 more" in text
