"""What comes out of Monty, as values of the contract. Objects that only exist in there come as stand-ins or as text."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from lumo_graph.executors.worker.plain import NotPlainError, Plainer
from lumo_graph.executors.worker.text import bounded_repr, clean, cut
from lumo_graph.types import Value

_PARTS = 500_000
_SIZE = 16 << 20
_RESULT_SIZE = 30 << 20

# Monty gives these as their text; nothing else tells them from a string.
_TEXT_OF_OBJECT = re.compile(r"<(function|class|module|coroutine|bound method|builtin)\b[^\n]{0,200}>")
_TEXT_OF_ITEMS = re.compile(r"(dict_keys|dict_values|dict_items|range)\([^\n]*\)")


def plain_argument(value: Any) -> Any:
    """An argument of a tool call as plain data.

    Raises:
        NotPlainError: it has no such form.
    """
    return Plainer(parts=_PARTS, size=_SIZE, binary=True, rows=_PARTS).plain(_without_stand_ins(value, refuse=True))


def plain_result(value: Any) -> Any:
    """The result of a tool as plain data.

    Raises:
        NotPlainError: it has no such form.
    """
    return Plainer(parts=_PARTS, size=_RESULT_SIZE, binary=True).plain(value)


def describe(value: Any, how: Callable[[Any], Mapping[str, Any]]) -> Value:
    """A value of the code.

    Args:
        value: as Monty gives it.
        how: `describe_result` or `describe_answer`.
    """
    if isinstance(value, str) and (found := _TEXT_OF_OBJECT.fullmatch(value)):
        return Value(kind=found[1], preview=value)
    if isinstance(value, str) and (found := _TEXT_OF_ITEMS.fullmatch(value)):
        return Value(kind=found[1], preview=cut(clean(value), 10_000))
    described = how(_without_stand_ins(value, refuse=False))
    if not _is_stand_in(value):
        return Value(**described)
    inside = ", ".join(f"{name}={bounded_repr(item)}" for name, item in _attributes(value).items())
    kind = clean(str(getattr(value, "name", "object")))
    return Value(kind=kind, preview=cut(f"{kind}({inside})", 10_000), json=described["json"])


def _without_stand_ins(value: Any, *, refuse: bool, depth: int = 100) -> Any:
    """The same with instances of the code's own classes as dicts of their attributes."""
    if refuse and isinstance(value, str) and (found := _TEXT_OF_OBJECT.fullmatch(value)):
        raise NotPlainError(f"{found[1]!r} is not plain data; pass numbers, text, lists or dicts of what it holds")
    if depth == 0:
        return value
    if _is_stand_in(value):
        value = _attributes(value)
    if type(value) is dict:
        mapping = cast("dict[Any, Any]", value)
        return {key: _without_stand_ins(item, refuse=refuse, depth=depth - 1) for key, item in mapping.items()}
    if type(value) in (list, tuple):
        items = cast("list[Any]", value)
        return type(items)(_without_stand_ins(item, refuse=refuse, depth=depth - 1) for item in items)
    return value


def _is_stand_in(value: Any) -> bool:
    return type(value).__name__ == "MontyClassProxy"


def _attributes(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value.attributes)
