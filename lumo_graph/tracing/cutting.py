"""Content cut to the size of an attribute, so that it stays what it is: JSON of messages with shorter texts. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from lumo_graph.excerpts import fair_shares, shorten
from lumo_graph.tracing.content import json_text

_LONG, _SHORTEST = 200, 40
"""Texts up to the first are never cut, and none to less than the second."""
_EDGE = 2
"""Messages that stay at each end when there are too many."""
_TRIES = 12


def fitted(value: Any, limit: int) -> str:
    """JSON of at most `limit` characters: of the value, or of the same with its long texts shortened.

    Args:
        value: JSON data; lists of messages lose the ones in their middle if shorter texts are not enough.
        limit: characters of the result, never exceeded.
    """
    text = json_text(value)
    if len(text) <= limit:
        return text
    sizes = [len(part) for part in _texts(value)]
    # With texts as short as they get: what is too long even so is not tried with longer ones. It may be megabytes.
    found = json_text(_shortened(value, iter([0] * len(sizes)))) if sizes else text
    if len(found) > limit:
        return _without_middle(value, limit)
    fits, too_much = 0, sum(sizes)
    for _ in range(_TRIES):  # JSON writes some characters with six: how much room there is shows only when it is tried
        room = (fits + too_much) // 2
        text = json_text(_shortened(value, iter(fair_shares(sizes, room))))
        if len(text) <= limit:
            fits, found = room, text
        else:
            too_much = room
    return found


def _without_middle(value: Any, limit: int) -> str:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    if len(items) > 2 * _EDGE + 1:
        gone = len(items) - 2 * _EDGE
        note: Any = f"[{gone:,} left out]"
        if isinstance(items[0], dict) and "role" in items[0]:
            note = {"role": "user", "parts": [{"type": "text", "content": f"[{gone:,} messages left out]"}]}
        return fitted([*items[:_EDGE], note, *items[-_EDGE:]], limit)
    # What is left has no shape that could be kept: too many parts, or too deep.
    whole = json_text(value)
    room = limit
    while room > 0:
        text = json_text(shorten(whole, room))
        if len(text) <= limit:
            return text
        room -= max(len(text) - limit, 1)
    return '""'


def _texts(value: Any) -> Iterator[str]:
    """The texts that may be cut, in the order in which `_shortened` meets them."""
    if isinstance(value, str):
        if len(value) > _LONG:
            yield value
    elif isinstance(value, (list, dict)):
        for part in _parts(value):  # pyright: ignore[reportUnknownArgumentType]
            yield from _texts(part)


def _shortened(value: Any, shares: Iterator[int]) -> Any:
    if isinstance(value, str):
        return shorten(value, max(next(shares), _SHORTEST)) if len(value) > _LONG else value
    if isinstance(value, list):
        return [_shortened(part, shares) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _shortened(part, shares) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _parts(value: list[Any] | dict[Any, Any]) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value
