"""What one caller wants of an agent: of a graph that many use, each with a context of its own."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits
from lumo_graph.types import AgentTypeName


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """How an agent works for whoever uses it: what LangGraph calls the context of a run, and of an assistant.

    `graph.invoke(..., context={"agent_type": "code-agent"})`, or a dict of the same fields for an assistant of the
    Agent Server. It comes before what the agent was created with, and after what the run's input says. A graph that
    embeds agents hands them its own context if that is an AgentContext. Agents that an agent calls have none.
    """

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    agent_type: AgentTypeName | None = None
    """`"function-calling"` or `"code-agent"`; None: the agent's own."""
    limits: Limits | dict[str, Any] | None = None
    """What a run may use: a `Limits`, or the fields that differ from the agent's own."""
    system_prompt: str | None = None
    """Instructions for the model in place of the agent's own; they hold until the run ends."""

    def __post_init__(self) -> None:
        if not isinstance(self.agent_type, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"agent_type must be a text or None, not {self.agent_type!r}.")
        Limits.of(self.limits)
        if not isinstance(self.system_prompt, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"system_prompt must be a text or None, not {self.system_prompt!r}.")
