"""What a tool says about its effects, so that the journal knows what to do with its calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, cast, get_args

from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError

OnUnknown: TypeAlias = Literal["rerun", "ask", "fail"]
Tool = TypeVar("Tool")

_EFFECTS = ("some", "none")
_ATTRIBUTE = "__lumo_effects__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a call of a tool leaves in the world."""

    none: bool = False
    """It only reads: its calls are not recorded, and are simply made again."""
    on_unknown: OnUnknown = "rerun"
    """What to do with a call that may have been made before a crash, and nobody knows: make it (again, with the same
    idempotency key), ask a person, or fail in the code."""


def declare_effects(tool: Tool, *, effects: Literal["some", "none"] = "some", on_unknown: OnUnknown = "rerun") -> Tool:
    """Say what calls of a tool leave in the world. Returns the tool.

    Args:
        tool: a function, an async function or a LangChain tool. The same can be said in a LangChain tool's `metadata`:
            `{"effects": "none"}`.
        effects: `"none"`: it only reads. Its calls are not recorded, and are made again when an action runs again.
        on_unknown: what to do with a call that may or may not have been made before a crash. `"rerun"` makes it again
            with the same idempotency key, `"ask"` asks a person, `"fail"` raises in the code.

    Raises:
        ConfigurationError: a value is not one of these.
    """
    declared = _checked(effects, on_unknown)
    if isinstance(tool, BaseTool):
        metadata = {**(tool.metadata or {}), "effects": effects, "on_unknown": on_unknown}
        return cast("Tool", tool.model_copy(update={"metadata": metadata}))
    setattr(tool, _ATTRIBUTE, declared)
    return tool


def effects_of(tool: BaseTool, source: Callable[..., Any] | None) -> Effects:
    """What a tool, or the function it was made from, has said.

    Raises:
        ConfigurationError: it says something that is not known.
    """
    declared = getattr(source, _ATTRIBUTE, None)
    if isinstance(declared, Effects):
        return declared
    said = tool.metadata or {}
    return _checked(said.get("effects", "some"), said.get("on_unknown", "rerun"))


def _checked(effects: object, on_unknown: object) -> Effects:
    if effects not in _EFFECTS:
        raise ConfigurationError(f"effects must be 'some' or 'none', not {effects!r}.")
    if on_unknown not in get_args(OnUnknown):
        raise ConfigurationError(f"on_unknown must be one of {', '.join(get_args(OnUnknown))}, not {on_unknown!r}.")
    return Effects(none=effects == "none", on_unknown=cast("OnUnknown", on_unknown))
