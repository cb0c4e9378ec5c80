"""Any result as plain data: None, bool, int, float, str, bytes, and lists and dicts of them.

- Models, dataclasses and mappings become dicts; tuples, ranges and other sequences lists, and sets sorted lists.
- Keys are text or ints; a date, an Enum, a bool or None as a key becomes text, a tuple its parts with commas.
- Dates are ISO 8601 text; Decimal, UUID, Path, URL and the like are text; an Enum is its value; NaN stays a float.
- Arrays and data frames: see `lumo_graph.tools.arrays`. A LangChain message is its content.
"""

import dataclasses
import datetime as dt
import ipaddress
import numbers
import re
from collections.abc import ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

import pydantic
import pydantic.v1
import pydantic_core
from langchain_core.messages import BaseMessage
from langchain_core.messages.tool import ToolOutputMixin

from lumo_graph.storable import whole_characters
from lumo_graph.tools.arrays import array_bytes, is_array, read_array

DEEPEST = 200
_SMALLEST_INT, _LARGEST_INT = -(2**63), 2**64 - 1
_AS_TEXT = (dt.date, dt.time, dt.timedelta, Decimal, UUID, complex, re.Pattern,
            ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
            pydantic.AnyUrl, pydantic_core.Url, pydantic.SecretStr, pydantic.SecretBytes)  # fmt: skip
_BY_STR = (PurePath, Fraction)
_AS_LIST = (Sequence, AbstractSet, KeysView, ValuesView, ItemsView)


class NotDataError(Exception):
    """Something in a result is not data."""

    def __init__(self, what: str, reason: str = "is not data") -> None:
        super().__init__(what)
        self.what = what
        self.reason = reason
        self.path: list[Any] = []
        """Keys and indexes from the result down to it, innermost first."""


class TooLargeError(Exception):
    """A result is larger than it may be. `size` is what it has at least, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def to_plain(value: Any, max_bytes: int) -> Any:
    """Convert a result, and stop as soon as it is too large.

    Args:
        value: anything.
        max_bytes: the most the plain data may have, measured about as msgpack would write it.

    Raises:
        NotDataError: a part of it is not data, or has a cycle, or is too deep.
        TooLargeError: it is larger than `max_bytes`.
    """
    try:
        return _Converter(max_bytes).convert(value)
    except RecursionError:
        raise NotDataError(type(value).__name__, "is nested too deep") from None


class _Converter:
    """One conversion: counts bytes, and knows the containers it is inside of."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._max = max_bytes
        self._inside: set[int] = set()

    def convert(self, value: Any) -> Any:
        kind = cast("type[Any]", type(value))
        if kind is str:
            return self._text(value)
        if kind is int:
            return self._whole(value)
        if value is None or kind is float or kind is bool:
            self._spend(9 if kind is float else 1)
            return value
        if kind is list or kind is tuple:
            return self._list(value, value)
        if kind is dict:
            return self._dict(value, value)
        return self._convert_other(value)

    def _convert_other(self, value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - one line a kind of value
        if isinstance(value, Enum):
            return self.convert(value.value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return self._whole(int(value))
        if is_array(value):
            return self._array(value)
        if isinstance(value, float):
            return self.convert(float(value))
        if isinstance(value, (bytes, bytearray, memoryview)):
            data = cast("bytes", value)
            self._spend(memoryview(data).nbytes + 5)
            return bytes(data)
        if isinstance(value, _AS_TEXT):
            return self._text(pydantic_core.to_jsonable_python(value))
        if isinstance(value, _BY_STR):
            return self._text(str(value))
        if isinstance(value, BaseMessage):
            return self.convert(text_of(value.content))
        if isinstance(value, ToolOutputMixin):
            raise NotDataError(type(value).__name__, "steers a LangGraph graph and is not data")
        if isinstance(value, pydantic.BaseModel):
            return self._list_or_dict(value, value.model_dump(warnings=False))
        if isinstance(value, pydantic.v1.BaseModel):
            return self._dict(value, value.dict())
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dict(value, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
        if isinstance(value, Mapping):
            return self._dict(value, cast("Mapping[Any, Any]", value))
        if isinstance(value, _AS_LIST):
            items = cast("Iterable[Any]", value)
            return self._list(value, _sorted(items) if isinstance(value, (set, frozenset)) else items)
        if isinstance(value, numbers.Real):  # of other libraries, such as mpmath's
            return self.convert(float(value))
        raise NotDataError(_kind_name(value))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLargeError(self._max - self._left)

    def _text(self, text: str) -> str:
        if text.isascii():
            self._spend(len(text) + 5)
            return text
        if len(text) > self._left:
            raise TooLargeError(self._max - self._left + len(text))
        try:
            size = len(text.encode())
        except UnicodeEncodeError:  # a lone surrogate, which no file and no socket takes
            text = whole_characters(text)
            size = len(text.encode())
        self._spend(size + 5)
        return text

    def _whole(self, number: int) -> int:
        if not _SMALLEST_INT <= number <= _LARGEST_INT:
            raise NotDataError(f"int of {number.bit_length()} bits", "has more than 64 bits; return it as text")
        self._spend(9)
        return number

    def _array(self, value: Any) -> Any:
        if (size := array_bytes(value)) > self._left:
            raise TooLargeError(self._max - self._left + size)
        try:
            plain = read_array(value)
        except ValueError as error:
            raise NotDataError(_kind_name(value), f"is not data: {error}") from None
        return self.convert(plain)

    def _list_or_dict(self, source: Any, plain: Any) -> Any:
        return self._dict(source, cast("dict[Any, Any]", plain)) if isinstance(plain, dict) else self.convert(plain)

    def _enter(self, source: Any) -> None:
        self._spend(5)
        if id(source) in self._inside:
            raise NotDataError(_kind_name(source), "contains itself")
        if len(self._inside) >= DEEPEST:
            raise NotDataError(_kind_name(source), f"is nested more than {DEEPEST} deep")
        self._inside.add(id(source))

    def _list(self, source: Any, items: Iterable[Any]) -> list[Any]:
        self._enter(source)
        plain: list[Any] = []
        try:
            for item in items:
                plain.append(self.convert(item))  # noqa: PERF401 - its length is the index of one that fails
        except NotDataError as error:
            error.path.append(len(plain))
            raise
        self._inside.discard(id(source))
        return plain

    def _dict(self, source: Any, items: Mapping[Any, Any]) -> dict[str | int, Any]:
        self._enter(source)
        plain: dict[str | int, Any] = {}
        key: Any = None
        try:
            for key, item in items.items():
                plain[self._new_key(key, plain)] = self.convert(item)
        except NotDataError as error:
            error.path.append(key)
            raise
        self._inside.discard(id(source))
        return plain

    def _new_key(self, key: Any, plain: dict[str | int, Any]) -> str | int:
        name = self.convert(key) if type(key) in (str, int) else self._key(key)
        if name in plain:
            raise NotDataError(f"key {name!r}", "occurs twice once keys are plain data")
        return name

    def _key(self, key: Any) -> str | int:
        if isinstance(key, Enum):
            return self._key(key.value)
        if isinstance(key, tuple):  # two levels of column names in a data frame
            return ", ".join(str(self._key(part)) for part in cast("tuple[Any, ...]", key))
        if key is None or isinstance(key, (bool, int, float, str, *_AS_TEXT, *_BY_STR)) or is_array(key):
            plain = self.convert(key)
            return plain if type(plain) is int else str(plain)
        raise NotDataError(f"key of class {_kind_name(key)}")


def text_of(content: Any) -> Any:
    """Content of a message: the text of its blocks if they are all text, else the content itself."""
    if not isinstance(content, list) or not content:
        return cast("Any", content)
    texts: list[str] = []
    for block in cast("list[Any]", content):
        if isinstance(block, dict) and "text" in block and cast("Any", block).get("type") == "text":
            texts.append(str(cast("Any", block)["text"]))
        else:
            return cast("Any", content)
    return "\n".join(texts)


def _sorted(items: Iterable[Any]) -> Iterable[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items


def _kind_name(value: Any) -> str:
    kind = cast("type[Any]", type(value))
    if isinstance(value, type):
        return f"class {value.__name__}"
    return kind.__name__
