"""Tool results as text: whole for the model, bounded for steps and events."""

import base64
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from lumo_graph.types import ToolReply

_SHORT_REPRS = (bool, float, complex, dt.date, dt.time, dt.timedelta, Decimal, Enum, PurePath, UUID)
_DEEPEST = 8
_LONGEST_INT_BITS = 2048
_LONGEST_STORED_INT_BITS = 64


def reply_text(reply: ToolReply) -> str:
    """Content of the tool message for a reply.

    Returns:
        A text as it is, other data as JSON (bytes as text if they are UTF-8, else as Base64), an error as
        `Error (ValueError): what went wrong`.
    """
    if reply.error is not None:
        return f"Error ({reply.error_type}): {reply.error}"
    if isinstance(reply.value, str):
        return reply.value
    if isinstance(reply.value, bytes):
        return _bytes_text(reply.value)
    return json.dumps(reply.value, ensure_ascii=False, default=_bytes_text)


def preview(value: Any, limit: int = 200) -> str:
    """One line of text about a value, made in time that depends on `limit` and not on the value's size.

    Args:
        value: anything; what is not plain data is shown as its class only.
        limit: the most characters to return. A longer text ends with an ellipsis.
    """
    pieces: list[str] = []
    size = 0
    for piece in _plain_pieces(value, limit):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            break
    text = "".join(pieces)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"[:limit]


def bounded_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call as steps and events carry them: numbers as they are, the rest as previews."""
    return {
        name: value if value is None or isinstance(value, (bool, float)) or _is_short_int(value) else preview(value)
        for name, value in args.items()
    }


def _is_short_int(value: Any) -> bool:
    return isinstance(value, int) and value.bit_length() < _LONGEST_STORED_INT_BITS


def _plain_pieces(value: Any, limit: int) -> Iterator[str]:
    if isinstance(value, str):
        head = value[: 4 * limit + 1]
        yield " ".join(head.split())
        if len(head) < len(value):
            yield "…"
    else:
        yield from _pieces(value, limit, 0)


def _pieces(value: Any, limit: int, depth: int) -> Iterator[str]:
    """Text of a value bit by bit, so that the reader can stop."""
    if depth > _DEEPEST:
        yield "…"
    elif isinstance(value, str):
        yield repr(value[: limit + 1])
    elif isinstance(value, (bytes, bytearray)):
        yield repr(bytes(value[: limit + 1]))
    elif value is None or isinstance(value, _SHORT_REPRS):
        yield repr(value)
    elif isinstance(value, int):
        bits = value.bit_length()
        yield repr(value) if bits <= _LONGEST_INT_BITS else f"<int of {bits} bits>"
    elif isinstance(value, dict):
        pairs = cast("Mapping[Any, Any]", value).items()
        yield from _joined("{", (_pair(key, item, limit, depth) for key, item in pairs), "}")
    elif isinstance(value, (list, tuple, set, frozenset)):
        left, right = ("[", "]") if isinstance(value, list) else ("(", ")") if isinstance(value, tuple) else ("{", "}")
        items = cast("list[Any]", value)
        yield from _joined(left, (_pieces(item, limit, depth + 1) for item in items), right)
    else:
        yield f"<{cast('type[Any]', type(value)).__name__}>"


def _pair(key: Any, item: Any, limit: int, depth: int) -> Iterator[str]:
    yield from _pieces(key, limit, depth + 1)
    yield ": "
    yield from _pieces(item, limit, depth + 1)


def _joined(left: str, parts: Iterator[Iterator[str]], right: str) -> Iterator[str]:
    yield left
    for number, part in enumerate(parts):
        if number:
            yield ", "
        yield from part
    yield right


def _bytes_text(value: Any) -> str:
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()
