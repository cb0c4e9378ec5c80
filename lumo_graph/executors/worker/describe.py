"""One line about every variable, without running any code of the variable's own."""

import sys
import types
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import Any

from lumo_graph.executors.worker.text import bounded_repr, class_name, clean, cut, kind_of, safe_text

_MAX_NAMES = 200
_MAX_NAME = 200
_MAX_LINE = 120
_SHORT_TEXT = 60
_SIZED = (list, tuple, set, frozenset, dict, deque, bytes, bytearray)


@dataclass(frozen=True, slots=True)
class Seen:
    """A variable as it was when it was looked at."""

    identity: int
    text: str
    """One short line about it."""


def describe_variables(namespace: Mapping[str, Any], *, reserved: Collection[str]) -> dict[str, Seen]:
    """Every variable that the session's code has made, the newest first to stay if there are too many.

    Args:
        namespace: the session's variables.
        reserved: names that are not the code's: tools and such.
    """
    names = [
        name
        for name in namespace
        if type(name) is str and name not in reserved and not (name.startswith("__") and name.endswith("__"))
    ]
    return {
        clean(name): Seen(id(namespace[name]), describe_object(namespace[name]))
        for name in names[-_MAX_NAMES:]
        if len(name) <= _MAX_NAME
    }


def find_changes(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> dict[str, str]:
    """Names that are not as they were: `added`, `changed` or `removed`; of what changed inside, what its line shows."""
    changes = {
        name: "changed" if name in before else "added" for name, seen in after.items() if before.get(name) != seen
    }
    return changes | {name: "removed" for name in before if name not in after}


def describe_object(value: Any) -> str:
    """One short line about an object: its value if that is small, else its class and size."""
    kind = kind_of(value)
    if value is None or kind in (bool, int, float, complex):
        return bounded_repr(value, _SHORT_TEXT)
    if kind is str:
        return bounded_repr(value) if len(value) <= _SHORT_TEXT else f"str ({len(value)} characters)"
    if kind in _SIZED:
        return f"{class_name(kind)} ({len(value)})"
    return cut(_describe_other(value, kind), _MAX_LINE)


def _describe_other(value: Any, kind: type[Any]) -> str:
    if kind is types.ModuleType:
        return safe_text(lambda: f"module {value.__name__}", _MAX_LINE, "module")
    if kind is types.FunctionType:
        return f"def {clean(value.__name__)}({', '.join(_parameters(value.__code__))})"
    if issubclass(kind, type):
        return f"class {class_name(value)}"
    for base in _SIZED:
        if issubclass(kind, base):
            return f"{class_name(kind)} ({base.__len__(value)})"  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - the class is known to have it
    return safe_text(lambda: _describe_table(value, kind) or class_name(kind), _MAX_LINE, class_name(kind))


def _parameters(code: types.CodeType) -> list[str]:
    names = [clean(name) for name in code.co_varnames]
    count = code.co_argcount + code.co_kwonlyargcount
    extra = [mark for mark, flag in (("*", CO_VARARGS), ("**", CO_VARKEYWORDS)) if code.co_flags & flag]
    by_name = ["*"] if code.co_kwonlyargcount and "*" not in extra else []
    rest = [mark + name for mark, name in zip(extra, names[count:], strict=False)]
    parameters = [*names[: code.co_argcount], *by_name, *names[code.co_argcount : count]]
    if rest and rest[0][1] != "*":
        parameters.insert(code.co_argcount, rest.pop(0))
    return [*parameters, *rest]


def _describe_table(value: Any, kind: type[Any]) -> str | None:
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    if isinstance(array, type) and issubclass(kind, array):
        return f"ndarray {value.shape} {value.dtype}"
    frame = getattr(sys.modules.get("pandas"), "DataFrame", None)
    if isinstance(frame, type) and issubclass(kind, frame):
        rows, columns = value.shape
        return f"DataFrame ({rows} rows x {columns} columns)"
    series = getattr(sys.modules.get("pandas"), "Series", None)
    if isinstance(series, type) and issubclass(kind, series):
        return f"Series ({len(value)}) {value.dtype}"
    return None
