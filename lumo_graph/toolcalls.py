"""Tools as the code and the model see them, and calls of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a tool."""

    name: str
    annotation: str = "Any"
    """Python source of the type, for the stub: `"list[str]"`."""
    default: str | None = None
    """Python source of the default, for the stub. None: the parameter is required."""
    keyword_only: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a typed Python function, without its implementation."""

    name: str
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    returns: str = "Any"
    """Python source of the return type, for the stub."""
    is_async: bool = False
    """The tool has only an async implementation: code calls it with `await`."""
    is_agent: bool = False
    """Another agent answers. An executor does not count the time that it takes as time of the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """A tool call that code in a session asks the host to make. Everything in it comes from the session: untrusted."""

    seq: int
    """Position of the call in its action, from 0."""
    name: str
    args: Mapping[str, Any]
    """Plain data, bound to the parameter names."""
    line: int | None = None
    """Line of the action that made the call, from 1."""
    in_order: bool = True
    """It comes from the main thread of the code, and not from a task beside others: when the action runs again, such
    calls come in the same order."""
    trace: bytes = b""
    """Stands for the path of the action up to the call, what it had printed and how much randomness it had used; the
    same when it runs again from the same `Sources`, or it has taken another path. Empty: not known."""
    clock: bytes = b""
    """Times that the action has read since the call before: a part of what `Sources.clock` is next time."""
    clock_at: int = 0
    """Where in the action's clock that part begins, see `join_clock`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply:
    """What the host answers: a value of plain data, or an error that is raised in the code."""

    value: Any = None
    """None, bool, int, float, str, bytes, and lists and dicts of them."""
    error: str | None = None
    """Message of the exception to raise in the code; None if the call succeeded."""
    error_type: str = "ToolError"
    """Class name of that exception; a builtin exception's name is raised as that builtin."""
    spent: Mapping[str, Any] | None = None
    """What an agent that answered has used, the `to_dict` of a `Spent`. It does not go to the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call that was made, as steps and debug briefs report it."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ok: bool = True
    preview: str = ""
    """Bounded text of the result, or the error's message."""
    seconds: float = 0.0
    replayed: bool = False
    """It was made when the action ran before, and its recorded result was given again."""
    edited: bool = False
    """A person has changed the arguments; these are the ones that it was called with."""
    finished: bool = True
    """False: it was still running when its action ended. It may take effect later, and nobody will hear of it."""
