"""Prompts for the optional plan: what is known, then what to do."""

from collections.abc import Sequence

from lumo_graph.dialects.stubs import summary_of
from lumo_graph.excerpts import bullets, shorten
from lumo_graph.types import ToolSpec

_TASK_CHARS = 20_000
_MOST_TOOLS = 100

_PLAN = """\
Before you act, take stock and make a plan. Write no code and call no tool in this reply.

# Facts

- Given: what the task says.
- To look up: what a tool can tell, and which tool.
- To work out: what follows from the rest by reasoning or computing.

# Plan

A short numbered list of steps, from here to the answer. {steps}

{tools}

The task:

{task}"""

_REPLAN = """\
Stop and bring the plan up to date. Write no code and call no tool in this reply.

# Facts

- Known: what the task says and what the observations so far have shown, with the variables that hold it.
- To look up: what a tool can still tell, and which tool.
- To work out: what follows from the rest by reasoning or computing.

# Plan

Only the steps that remain, as a short numbered list. Drop what did not work. {steps}

{tools}

The task is still:

{task}"""


def plan_prompt(task: str, *, tools: Sequence[ToolSpec], steps_left: int) -> str:
    """The request for a first plan: a survey of the facts, then the steps.

    Args:
        task: what the user asks for.
        tools: what the agent may call.
        steps_left: replies the model still has.
    """
    return _PLAN.format(task=shorten(task, _TASK_CHARS), tools=_tools(tools), steps=_steps(steps_left))


def replan_prompt(task: str, *, tools: Sequence[ToolSpec], steps_left: int) -> str:
    """The request for a new plan in the middle of a run.

    Args:
        task: what the user asks for.
        tools: what the agent may call.
        steps_left: replies the model still has.
    """
    return _REPLAN.format(task=shorten(task, _TASK_CHARS), tools=_tools(tools), steps=_steps(steps_left))


def _steps(left: int) -> str:
    return "One step is left: it must give the answer." if left <= 1 else f"At most {left:,} steps are left."


def _tools(tools: Sequence[ToolSpec]) -> str:
    if not tools:
        return "There are no tools."
    return f"The tools:\n\n{bullets(tools, _tool_line, count=_MOST_TOOLS, width=200)}"


def _tool_line(tool: ToolSpec) -> str:
    summary = summary_of(tool)
    return f"{tool.name}: {summary}" if summary else tool.name
