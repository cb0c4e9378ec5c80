"""Open a run: check what it asks for, and forget the verdict of the run before."""

import uuid
from typing import Any, cast

from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langgraph.types import Overwrite

from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update
from lumo_graph.types import AGENT_TYPES, AgentType, Limits


class Prepare:
    """Checks the input and resets the per-run fields. The thread keeps its messages and its variables."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState) -> Update:
        """The update that opens a run."""
        agent_type = check_agent_type(state.get("agent_type") or self._setup.agent_type)
        limits = Limits.of(state.get("limits"), default=self._setup.limits)
        task, messages = _opening(state)
        return {
            "messages": messages,
            "run": {
                "id": uuid.uuid4().hex,
                "task": task,
                "agent_type": agent_type,
                "limits": limits.to_dict(),
                "planning_interval": self._setup.planning_interval,
                "ended": False,
            },
            "counters": {"steps": 0, "failures": 0, "tool_calls": 0, "seconds": 0.0, "planned_at": -1},
            "usage": {},
            "steps": Overwrite([]),
            "answer": None,
            "outcome": None,
            "action": None,
            "execution": None,
            "results": None,
        }


def check_agent_type(agent_type: object) -> AgentType:
    """The agent type, if it is one."""
    if agent_type not in AGENT_TYPES:
        choices = " or ".join(repr(choice) for choice in AGENT_TYPES)
        raise ConfigurationError(f"Unknown agent_type {agent_type!r}. Choose {choices}.")
    return cast("AgentType", agent_type)


def check_task(task: object) -> str:
    """The task, if it says something."""
    if not isinstance(task, str) or not task.strip():
        raise ConfigurationError(f"The task is empty ({task!r}). Say what to do: task='Sum the primes below 100'.")
    return task


def check_history(history: Any) -> list[BaseMessage]:
    """Earlier messages, as dicts with `role` and `content` or as LangChain messages."""
    try:
        return convert_to_messages(history)
    except (ValueError, TypeError, NotImplementedError, KeyError) as error:
        raise ConfigurationError(f"history must be a list of messages with role and content: {error}") from error


def _opening(state: AgentState) -> tuple[str, list[BaseMessage]]:
    history = check_history(state.get("history") or [])
    if state.get("task") is not None:
        task = check_task(state.get("task"))
        return task, [*history, HumanMessage(task)]
    asked = [message for message in state["messages"] if isinstance(message, HumanMessage)]
    if not asked:
        raise ConfigurationError("There is no task. Give the graph a `task`, or `messages` with a human message.")
    return check_task(str(asked[-1].text)), history
