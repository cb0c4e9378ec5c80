"""A dialect: how a model is told to act by code, and how its replies are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from langchain_core.messages import AIMessage

from lumo_graph.dialects.actions import Answer, RunCode, Unparsable
from lumo_graph.dialects.parse import parse_code_reply, thought_of
from lumo_graph.dialects.prompt import Interpreter, code_prompt
from lumo_graph.types import ToolSpec

CodeReply: TypeAlias = RunCode | Answer | Unparsable


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a model must be told, in whatever words."""

    tools: Sequence[ToolSpec]
    """Functions that its code may call; `lumo_graph.dialects.render_stub` writes one as Python."""
    interpreter: Interpreter
    """Where its code runs, and what one action may use."""
    instructions: str | None
    """The user's own (`system_prompt`)."""
    response_schema: Mapping[str, Any] | None
    """JSON Schema that the answer must match; None for any answer."""


class Dialect(Protocol):
    """How a model speaks that acts by code. Pure: no state, no I/O; what it is given decides what it returns.

    Everything else of an agent stays as it is: the jail, the variables, self-debugging, approvals, limits, traces. An
    agent takes it as `dialects=[MyDialect()]`; an installed package offers it to all agents, the command line and the
    server by an entry point of the group `lumo_graph.dialects`. A run then chooses it by `agent_type=`, its name.
    `CodeDialect` is ours, and may be subclassed.
    """

    @property
    def name(self) -> str:
        """The agent type that it is."""
        ...

    def prompt(self, facts: Facts) -> str:
        """The system message. The same for the same facts, so that a provider can cache it."""
        ...

    def parse(self, reply: AIMessage, tools: Sequence[ToolSpec]) -> CodeReply:
        """What a reply asks for: `RunCode`, `Answer`, or `Unparsable` with what the model should do instead.

        `Answer` ends the run, so it is not for a reply that is merely unclear. It never raises: a model may send
        anything.
        """
        ...

    def thought(self, reply: AIMessage) -> str:
        """What the model wrote around its action, for the record of the step."""
        ...


class CodeDialect:
    """The dialect of `code-agent`: a short thought and one ```python block."""

    name = "code-agent"

    def prompt(self, facts: Facts) -> str:
        """The system message of the code-action branch."""
        return code_prompt(
            facts.tools,
            facts.interpreter,
            instructions=facts.instructions,
            response_schema=facts.response_schema,
        )

    def parse(self, reply: AIMessage, tools: Sequence[ToolSpec]) -> CodeReply:
        """The action of a reply; see `parse_code_reply`."""
        return parse_code_reply(reply, tools)

    def thought(self, reply: AIMessage) -> str:
        """The text around the code, without reasoning."""
        return thought_of(reply)
