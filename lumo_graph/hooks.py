"""Hooks: what a user puts before and after the model and actions, each a node of its own in the graph."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from lumo_graph.errors import ConfigurationError
from lumo_graph.state import AgentState

Point: TypeAlias = Literal["before_model", "after_model", "before_action", "after_action"]
POINTS: tuple[Point, ...] = get_args(Point)

_THEIR_STATE = frozenset({"messages", "jump_to", "structured_response"})
"""Channels of every LangChain agent. The messages are ours too."""
_THEIR_OTHER_HOOKS = ("before_agent", "after_agent", "wrap_model_call", "wrap_tool_call")
_NEXT_STEP = "Give it to LangChain's create_agent, with CodeActionMiddleware for code."


class Middleware:
    """What an agent does around its model and its actions. Override what you need; each hook becomes a node.

    A hook gets the state and LangGraph's runtime (its `context`, `store` and `stream_writer`), and returns what is to
    change, or None:

    - `messages`: before the model, messages to add, to replace by their id, or to take out with a `RemoveMessage`;
      elsewhere to replace or take out only.
    - `action`, after the model and before the action: another `RunCode`, or an `Answer` or `Unparsable` from
      `lumo_graph.dialects` instead of it; `state["action"]` is what the model has asked for, as a dict with a `kind`.
    - `execution`, after the action: the `Execution` as it is to be observed; `state["execution"]` is its dict.
    - channels of its own, declared in `state_schema`, a TypedDict.

    A hook may `interrupt()`, raise, and be async by its form with an `a` in front (`abefore_model`); one that is not
    async is run in a thread where the agent is. What it writes is in the checkpoint: a run that goes on elsewhere does
    not run it again. `before_` hooks run in the order of the middleware, `after_` hooks in the opposite order.
    """

    state_schema: type[Any] | None = None

    @property
    def name(self) -> str:
        """First part of the names of its nodes, as `Guard.before_action`."""
        return type(self).__name__

    def before_model(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """Before each model call that asks for an action."""

    def after_model(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """After it, with its reply as the last message."""

    def before_action(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """Before code is run or tools are called, or the answer is taken; a person has not been asked yet."""

    def after_action(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """After it, before the model is told."""

    async def abefore_model(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """`before_model` from an event loop."""

    async def aafter_model(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """`after_model` from an event loop."""

    async def abefore_action(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """`before_action` from an event loop."""

    async def aafter_action(self, state: AgentState, runtime: Runtime[Any]) -> Mapping[str, Any] | None:
        """`after_action` from an event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One hook of one middleware."""

    name: str
    point: Point
    run: Callable[[Any, Any], Mapping[str, Any] | None] | None
    arun: Callable[[Any, Any], Awaitable[Mapping[str, Any] | None]] | None
    channels: frozenset[str]
    """Channels of its own."""
    state_schema: type[Any]
    """What it reads."""


Hooks: TypeAlias = Mapping[Point, Sequence[Hook]]


def hooks_of(middleware: Sequence[Any]) -> Hooks:
    """The hooks of an agent, at each point in the order in which they run.

    Raises:
        ConfigurationError: something is no middleware, or does what an agent of ours cannot do.
    """
    if not isinstance(middleware, (list, tuple)):
        raise ConfigurationError(f"middleware must be a list, not {middleware!r}.")
    names: set[str] = set()
    found: dict[Point, list[Hook]] = {point: [] for point in POINTS}
    for one in middleware:
        hooks = _hooks(one)
        name = hooks[0].name.rpartition(".")[0]
        if name in names:
            raise ConfigurationError(f"Two middlewares are named {name!r}. Give one of them another `name`.")
        names.add(name)
        for hook in hooks:
            at = found[hook.point]
            at.insert(0 if hook.point.startswith("after") else len(at), hook)
    return found


def _hooks(middleware: object) -> list[Hook]:
    """Those of one middleware, at least one."""
    shown = type(middleware).__name__
    if isinstance(middleware, type):
        raise ConfigurationError(f"middleware holds the class {middleware.__name__}: give an object, with ().")
    for other in _THEIR_OTHER_HOOKS:
        if _own(middleware, other) or _own(middleware, f"a{other}"):
            raise ConfigurationError(f"{shown} has {other}, which is not called here. {_NEXT_STEP}")
    if getattr(middleware, "tools", None):
        raise ConfigurationError(f"{shown} brings tools. Give them to the agent as tools=. {_NEXT_STEP}")
    schema, channels = _schema(middleware)
    hooks: list[Hook] = []
    for point in POINTS:
        run, arun = _own(middleware, point), _own(middleware, f"a{point}")
        if run or arun:
            name = f"{_name(middleware)}.{point}"
            hooks.append(Hook(name=name, point=point, run=run, arun=arun, channels=channels, state_schema=schema))
    if not hooks:
        raise ConfigurationError(f"{middleware!r} has no hook. Define one of {', '.join(POINTS)}.")
    return hooks


def _own(middleware: object, name: str) -> Any:
    """A method that is more than the empty one it inherits; else None."""
    theirs = sys.modules.get("langchain.agents.middleware.types")  # whoever gives one of theirs has imported it
    empty = [getattr(base, name, None) for base in (Middleware, getattr(theirs, "AgentMiddleware", None))]
    method = getattr(middleware, name, None)
    return None if not callable(method) or getattr(type(middleware), name, method) in empty else method


def _name(middleware: object) -> str:
    name = getattr(middleware, "name", None)
    name = name if isinstance(name, str) and name else type(middleware).__name__
    if any(sign in name for sign in ":|"):
        raise ConfigurationError(f"A middleware is named {name!r}. Names of nodes have no ':' and no '|'.")
    return name


def _schema(middleware: object) -> tuple[type[Any], frozenset[str]]:
    """What its hooks read: our state, and the channels that it adds."""
    given = getattr(middleware, "state_schema", None)
    if given is None:
        return AgentState, frozenset()
    try:
        hints: dict[str, Any] = get_type_hints(given, include_extras=True)
    except (TypeError, NameError) as error:
        raise ConfigurationError(
            f"The state_schema of {type(middleware).__name__} must be a TypedDict, not {given!r}: {error}"
        ) from error
    ours = get_type_hints(AgentState, include_extras=True)
    own = {name: hint for name, hint in hints.items() if name not in ours and name not in _THEIR_STATE}
    if not own:
        return AgentState, frozenset()
    schema: Any = TypedDict(f"{type(middleware).__name__}State", {**ours, **own}, total=False)  # type: ignore[operator]
    return schema, frozenset(own)
