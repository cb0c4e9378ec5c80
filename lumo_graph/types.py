"""The words every floor speaks: values that cross between nodes, and the two seams (`Executor`, `Session`)."""

# ruff: noqa: PLC0414 - words that have a file of their own are had from here too

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol, Self, TypeAlias, get_args

from lumo_graph.isolation import TIERS as TIERS
from lumo_graph.isolation import Isolation as Isolation
from lumo_graph.isolation import Tier as Tier
from lumo_graph.limits import Limits as Limits
from lumo_graph.sources import Sources as Sources
from lumo_graph.sources import join_clock as join_clock
from lumo_graph.toolcalls import Parameter as Parameter
from lumo_graph.toolcalls import ToolCall as ToolCall
from lumo_graph.toolcalls import ToolReply as ToolReply
from lumo_graph.toolcalls import ToolRequest as ToolRequest
from lumo_graph.toolcalls import ToolSpec as ToolSpec

AgentTypeName: TypeAlias = Literal["function-calling", "code-agent", "mcp", "code"] | str  # noqa: PYI051 - editors offer these
"""How a caller may name an agent type; a name that is not ours is that of a dialect (`lumo_graph.dialects.Dialect`)."""
FUNCTION_CALLING = "function-calling"
"""The agent type that acts by native tool calls. Every other one acts by code."""
AGENT_TYPES = (FUNCTION_CALLING, "code-agent")
AGENT_TYPE_ALIASES: Mapping[str, str] = {"code": "code-agent", "mcp": FUNCTION_CALLING}
"""Other names of ours; what is stored is always the type itself."""

Outcome: TypeAlias = Literal["answered", "max_steps", "max_debug_attempts", "budget", "interrupted", "cancelled"]
Stream: TypeAlias = Literal["stdout", "stderr"]
Change: TypeAlias = Literal["added", "changed", "removed"]
CHANGES: tuple[Change, ...] = get_args(Change)
Restore: TypeAlias = Literal["new", "live", "frozen", "snapshot", "replay"]
"""Where an action found the variables of its thread: there were none yet (`new`); in the live session of the action
before (`live`), or in its copy from before an action that was undone (`frozen`); in the checkpoint (`snapshot`);
nowhere, so the recorded actions of the thread were run again (`replay`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What model calls used. `cost` is None where the provider reports none."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            model_calls=self.model_calls + other.model_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=sum(known) if known else None,
        )


# -- what a code action did ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An object of the session, as much of it as may cross to the host."""

    kind: str
    """Name of its class, such as `int` or `pandas.DataFrame`."""
    preview: str
    """Bounded, readable text."""
    json: Any = None
    """The object as plain data where it has such a form, else None."""

    @property
    def plain(self) -> Any:
        """The plain data if there is any, else the preview."""
        return self.json if self.json is not None or self.kind == "NoneType" else self.preview


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeError:
    """Why a code action failed. Line numbers count from 1 within the action."""

    kind: str
    """Class name of the exception: `NameError`; `TimeoutError` if the action ran out of time; `SessionDied`."""
    message: str
    line: int | None = None
    source: str = ""
    """Text of the failing line."""
    traceback: str = ""
    """Traceback cut to frames of the session's own code."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Bounded reprs of the names that the failing line uses."""
    near: tuple[str, ...] = ()
    """Existing names close to one that was not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one code action did. A failing action is a value with an `error`, not an exception."""

    stdout: str = ""
    stderr: str = ""
    value: Value | None = None
    """Value of the last expression; None if the action did not end in one, or ended in None."""
    answer: Value | None = None
    """What the code gave to `final_answer`."""
    error: CodeError | None = None
    calls: tuple[ToolCall, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Every variable that exists afterwards, with a short description: `{"rows": "list (150)"}`."""
    rolled_back: bool = False
    """The action was undone: the namespace is the one from before it. `Session.alive` says where it is."""
    changed: Mapping[str, Change] = field(default_factory=dict[str, Change])
    """For an action that failed and was not undone: the variables that are not as they were before it."""
    notes: tuple[str, ...] = ()
    """What else the model is to know about its session, in whole sentences: threads that were lost, for example."""
    seconds: float = 0.0
    clock: bytes = b""
    """The times that the action has read, if it was given `Sources`: those it was given, and what came after them. With
    the same seed it makes the sources from which the action runs again."""

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields, as the run's state stores them; without the clock, which belongs to what is in flight."""
        fields = asdict(self)
        del fields["clock"]
        return fields

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        parts = dict(data)
        parts["notes"] = tuple(parts.get("notes", ()))
        for name, kind in (("value", Value), ("answer", Value), ("error", CodeError)):
            if parts.get(name) is not None:
                parts[name] = kind(**parts[name])
        if parts.get("error") is not None:
            parts["error"] = replace(parts["error"], near=tuple(parts["error"].near))
        parts["calls"] = tuple(ToolCall(**call) for call in parts.get("calls", ()))
        return cls(**parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One model reply and what its action did."""

    number: int
    """From 1 within the run."""
    thought: str = ""
    """What the model wrote around its action."""
    code: str | None = None
    """The code action; None in the function-call branch."""
    calls: tuple[ToolCall, ...] = ()
    observation: str = ""
    error: str | None = None
    """Class name of the exception if the code failed, else None."""
    seconds: float = 0.0
    """Seconds the action took, the model's time not included."""
    restore: Restore | None = None
    """Where a code action found the variables; None if no code was run."""

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields, as the run's state stores them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        parts = dict(data)
        parts["calls"] = tuple(ToolCall(**call) for call in parts.get("calls", ()))
        return cls(**parts)


# -- the seams -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What changed in a namespace since the snapshot before. Opaque to the host; only a session may load it."""

    changed: Mapping[str, bytes | None]
    """Component to its bytes; None for a component that is gone. Empty: nothing changed."""
    unsaved: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path of a value that could not be saved to the reason: `{"rows[3]": "cannot pickle 'generator' object"}`."""
    files: Mapping[str, bytes | None] = field(default_factory=dict[str, bytes | None])
    """Files of the working directory that changed: path below it to content; None for one that is gone. An empty folder
    is a path with a `/` at its end. Contents come from the session: untrusted."""


Serve: TypeAlias = Callable[[ToolRequest], ToolReply]
"""Answers the tool calls of an action. Called from several threads at once if the code calls from several.

If it raises, the action is abandoned and undone, and `Session.execute` raises the same exception.
"""

Write: TypeAlias = Callable[[Stream, str], None]
"""Receives the output of an action while it runs. Called from the thread that called `execute`."""


class Session(Protocol):
    """One live interpreter with its namespace. Methods block: from an event loop, call them in a thread."""

    @property
    def isolation(self) -> Isolation:
        """What contains this session."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it can run another action.

        Looked at after an action that was undone (`Execution.rolled_back`, or `execute` has raised). True: this session
        goes on, and its namespace is the one from before that action. False: it is lost, must be closed, and a new one
        is opened from the last snapshot.
        """
        ...

    def execute(
        self, code: str, *, seconds: float, serve: Serve, write: Write | None = None, sources: Sources | None = None
    ) -> Execution:
        """Run one code action to its end, or to its time limit.

        Args:
            code: Python source; top-level `await` is allowed.
            seconds: wall-clock limit. After it the action fails with a `TimeoutError` in `Execution.error`. Time in
                which a call of a tool that `is_agent` is served need not count.
            serve: answers the tool calls of the action.
            write: receives output as it is printed; `Execution` holds all of it too, cut to a bound.
            sources: what the action draws random numbers and times from, so that it takes the same path when it runs
                again from them. Given only where the executor is `deterministic`: others need not take it.

        Raises:
            ExecutorError: the sandbox failed; the code is not to blame.
        """
        ...

    def interrupt(self) -> None:
        """Make a running `execute` end soon, from another thread. Does nothing if none is running."""
        ...

    def snapshot(self) -> Snapshot:
        """What changed in the namespace since the last snapshot, or since the namespace was restored."""
        ...

    def close(self) -> None:
        """End the session and everything it started. May be called twice."""
        ...


class Executor(Protocol):
    """Opens sessions. Holds configuration, never the state of one.

    What else it may have: `python_version`, such as `(3, 14)`, where its sessions run another Python than this process:
    the check that comes before an action then leaves the syntax to the session. `imports`, the modules that code may
    import, where not all may be: an import of another one is then refused before anything runs. `notes`, sentences
    about its sessions for the model, such as which files they find. `deterministic`: True if sessions take `Sources`.
    """

    @property
    def packages(self) -> Sequence[str]:
        """Installed packages worth naming to the model as importable."""
        ...

    def open(
        self,
        namespace: Mapping[str, bytes] | None = None,
        *,
        tools: Sequence[ToolSpec] = (),
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
    ) -> Session:
        """A new session whose namespace is empty, or restored from the merged snapshots of another session.

        Args:
            namespace: merged `Snapshot.changed`, without what is None.
            tools: functions of the host that the code may call.
            limits: what the session may use.
            files: merged `Snapshot.files`, without what is None. Given only where there are some: an executor whose
                sessions have no files need not take it.

        Raises:
            IsolationError: the required isolation is not available.
            SnapshotError: `namespace` cannot be loaded here.
            ExecutorError: no session could be started.
        """
        ...
