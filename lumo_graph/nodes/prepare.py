"""Open a run: check what it asks for, and forget the verdict of the run before."""

import uuid
from typing import Any, cast

from langchain_core.messages import BaseMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import get_runtime
from langgraph.types import Overwrite

from lumo_graph.budgets import AGENT_NAME, BUDGET, tightened
from lumo_graph.context import AgentContext
from lumo_graph.dialects import check_agent_type
from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.history import answered, check_history
from lumo_graph.nodes.marking import is_ours
from lumo_graph.nodes.records import find_place
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, RunFields, Update
from lumo_graph.storable import whole_characters
from lumo_graph.types import Limits


class Prepare:
    """Checks the input and resets the per-run fields. The thread keeps its messages and its variables."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """The update that opens a run."""
        if self._setup.approvals and find_place(config) is None:
            raise ConfigurationError("interrupt_on needs a checkpointer: without one, nobody could answer. Give one.")
        context = _context_of(config)
        wanted = state.get("agent_type") or context.agent_type or self._setup.agent_type
        agent_type = check_agent_type(wanted, self._setup.dialects)
        limits = Limits.of(state.get("limits"), default=Limits.of(context.limits, default=self._setup.limits))
        limits = tightened(limits, config.get("configurable", {}).get(BUDGET) or {})
        task, messages = _opening(state)
        run: RunFields = {
            "id": uuid.uuid4().hex,
            "task": task,
            "agent_type": agent_type,
            "limits": limits.to_dict(),
            "planning_interval": self._setup.planning_interval,
            "interrupt_on": sorted(self._setup.approvals),
            "closing": None,
        }
        if context.system_prompt is not None:
            run["instructions"] = context.system_prompt
        return {
            "messages": messages,
            "run": run,
            "counters": {"steps": 0, "failures": 0, "tool_calls": 0, "seconds": 0.0, "planned_at": -1},
            "usage": {},
            "isolation": None,
            "steps": Overwrite([]),
            "answer": None,
            "outcome": None,
            "action": None,
            "execution": None,
            "results": None,
        }

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """The same, from an event loop: there is nothing to wait for."""
        return self.run(state, config)


def check_task(task: object) -> str:
    """The task, if it says something."""
    if not isinstance(task, str) or not task.strip():
        raise ConfigurationError(f"The task is empty ({task!r}). Say what to do: task='Sum the primes below 100'.")
    return whole_characters(task)


def _context_of(config: RunnableConfig) -> AgentContext:
    """The context that is meant for this agent: its caller's, unless that is another agent or a graph with its own."""
    context = get_runtime(AgentContext).context
    is_called = AGENT_NAME in config.get("configurable", {})
    return context if isinstance(context, AgentContext) and not is_called else AgentContext()  # pyright: ignore[reportUnnecessaryIsInstance] - it is None, or a parent's


def _opening(state: AgentState) -> tuple[str, list[BaseMessage]]:
    """The task, and what to write so that the thread holds what was before, then the history, then the task."""
    history, given = check_history(state.get("history") or []), list(state["messages"])
    if state.get("task") is not None:
        task = check_task(state.get("task"))
        whole = answered(given)
        start = [] if whole == given else [RemoveMessage(REMOVE_ALL_MESSAGES), *whole]
        return task, [*start, *history, HumanMessage(task)]
    task, position = _asked(state)
    before, asked = answered(given[:position]), answered(given[position:])
    if not history and [*before, *asked] == given:
        return task, []
    return task, [RemoveMessage(REMOVE_ALL_MESSAGES), *before, *history, *asked]


def _asked(state: AgentState) -> tuple[str, int]:
    """The last thing a person said in the messages, and where it stands."""
    messages = state["messages"]
    last_run = cast("dict[str, Any]", state.get("run") or {})
    if not messages or messages[-1].id == last_run.get("closing", ""):
        raise ConfigurationError("There is no task. Give the graph a `task`, or `messages` with a new human message.")
    for position in range(len(messages) - 1, -1, -1):
        message = messages[position]
        if isinstance(message, HumanMessage) and not is_ours(message):
            return check_task(str(message.text)), position
    raise ConfigurationError("There is no task. Give the graph a `task`, or `messages` with a human message.")
