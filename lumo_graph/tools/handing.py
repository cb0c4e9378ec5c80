"""What a tool is handed beside its arguments: LangGraph's runtime and store, as its ToolNode hands them."""

import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeAlias

from langchain_core.tools import BaseTool

from lumo_graph.tools.kinds import source_function, without_partial

Handed: TypeAlias = Literal["runtime", "store"]
HANDED: Collection[Handed] = ("runtime", "store")
"""What an agent of ours can hand. Its state is its own: a tool finds it in the runtime."""
HAND = "__lumo_hand"
"""Where a tool's door finds, in the config's `configurable`, what hands: a function of the kind and the call's id."""

# By their names: tools know nothing of LangGraph, and whoever asks for one of these has imported it.
_MARKS: Mapping[str, Handed] = {"ToolRuntime": "runtime", "InjectedStore": "store"}


def handed_kind(hint: Any) -> Handed | None:
    """What a parameter with this annotation is handed; None if it is an argument like others."""
    marks = [typing.get_origin(hint) or hint, *getattr(hint, "__metadata__", ())]
    for mark in marks:
        for kind in (mark if isinstance(mark, type) else type(mark)).__mro__:
            if kind.__name__ in _MARKS and kind.__module__.startswith("langgraph."):
                return _MARKS[kind.__name__]
    return None


def handed_by_name(tool: BaseTool) -> dict[str, Handed]:
    """The parameters of a tool's function that are handed something."""
    function = source_function(tool)
    return {} if function is None else handed_in(without_partial(function))


def handed_in(function: Callable[..., Any]) -> dict[str, Handed]:
    """The parameters of a function that are handed something."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        return {}
    found: dict[str, Handed] = {}
    for name, hint in hints.items():
        if name != "return" and (kind := handed_kind(hint)) is not None:
            found[name] = kind
    return found
