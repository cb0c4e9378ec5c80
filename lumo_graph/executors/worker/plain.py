"""Objects as plain data: what may cross to the host, and how objects that are not plain become so."""

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import pathlib
import sys
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from lumo_graph.executors.worker.text import class_name, kind_of

MAX_DEPTH = 60
_INT_RANGE = range(-(1 << 63), 1 << 64)
_VIEWS = tuple(type(view) for view in (dict[Any, Any]().keys(), dict[Any, Any]().values(), dict[Any, Any]().items()))
_LISTS: tuple[type[Any], ...] = (list, tuple, deque, range, *_VIEWS)
_MAPPINGS: tuple[type[Any], ...] = (dict, types.MappingProxyType)
_MAX_ROWS = 200


class NotPlainError(Exception):
    """An object has no form as plain data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def below(self, step: str) -> "NotPlainError":
        """The same error, seen from one container further out."""
        self.path = step + self.path
        return self


class TooMuchError(NotPlainError):
    """An object is too large, too deep, or contains itself."""


class Plainer:
    """Turns one object into plain data within a budget of parts and characters.

    Args:
        parts: the most parts.
        size: the most characters and bytes.
        binary: whether bytes are plain data.
        rows: the most rows of a table.
        write: writes what has no plain form as text, in its place; None: it is refused.
    """

    def __init__(
        self,
        *,
        parts: int,
        size: int,
        binary: bool,
        rows: int = _MAX_ROWS,
        write: Callable[[Any], str] | None = None,
    ) -> None:
        self._parts = parts
        self._size = size
        self._binary = binary
        self._rows = rows
        self._write = write
        self._inside: set[int] = set()

    def plain(self, value: Any) -> Any:
        """The object as None, bool, int, float, str, bytes (if `binary`), and lists and dicts of them.

        Raises:
            TooMuchError: it is too large, too deep, or contains itself.
            NotPlainError: it has no such form.
        """
        self._parts -= 1
        if self._parts < 0:
            raise TooMuchError("it has too many parts")
        try:
            return self._plain(value, kind_of(value))
        except TooMuchError:
            raise
        except NotPlainError:
            if self._write is None:
                raise
            return self._text(self._write(value))

    def _plain(self, value: Any, kind: type[Any]) -> Any:
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return _bounded_int(value)
        if kind is str:
            return self._text(value)
        if kind is dict:
            return self._within(value, self._mapping)
        if kind in _LISTS:
            return self._within(value, self._items)
        return self._other(value, kind)

    def _within(self, value: Any, convert: Callable[[Any], Any]) -> Any:
        mark = id(value)
        if mark in self._inside:
            raise TooMuchError("it contains itself")
        if len(self._inside) >= MAX_DEPTH:
            raise TooMuchError(f"it is nested more than {MAX_DEPTH} levels deep")
        self._inside.add(mark)
        try:
            return convert(value)
        finally:
            self._inside.discard(mark)

    def _items(self, value: Iterable[Any]) -> list[Any]:
        done: list[Any] = []
        for index, item in enumerate(value):
            try:
                done.append(self.plain(item))
            except NotPlainError as failure:
                raise failure.below(f"[{index}]") from None
        return done

    def _mapping(self, value: Any) -> dict[Any, Any]:
        done: dict[Any, Any] = {}
        for key, item in value.items():
            try:
                name = self._key(key)
                if name in done:
                    raise NotPlainError("two of its keys are the same as plain data")  # noqa: TRY301 - gets the path
                done[name] = self.plain(item)
            except NotPlainError as failure:
                raise failure.below(f"[{_key_text(key)}]") from None
        return done

    def _key(self, key: Any) -> Any:
        if self._write is not None and kind_of(key) is not str:
            return self._text(str(self.plain(key)))
        name = self.plain(key)
        if isinstance(name, (list, dict)):
            raise NotPlainError(f"its key is a {class_name(kind_of(key))}")
        return name  # pyright: ignore[reportUnknownVariableType] - narrowed, not known

    def _text(self, value: str) -> str:
        self._take(len(value))
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotPlainError("the text holds a lone surrogate, which is not a character") from None
        return value

    def _take(self, size: int) -> None:
        self._size -= size
        if self._size < 0:
            raise TooMuchError("it is too large")

    def _other(self, value: Any, kind: type[Any]) -> Any:
        # Only the class decides: instances can lie about it, and code of theirs would run.
        if kind in (bytes, bytearray, memoryview):
            return self._bytes(bytes(value))
        for base, convert in _SUBCLASSES:
            if issubclass(kind, base):
                return self.plain(convert(value))
        containers = ((_MAPPINGS, self._mapping), ((set, frozenset), self._set), (_LISTS, self._items))
        for base, convert in containers:
            if issubclass(kind, base):
                return self._within(value, convert)
        for look in (_from_dataclass, _from_pydantic, _from_numpy, _from_pandas):
            found, plainer = look(value, kind, self._rows)
            if found:
                return self._within(value, lambda _, plainer=plainer: self.plain(plainer))
        raise NotPlainError(f"{class_name(kind)!r} is not plain data{_hint(kind)}")

    def _bytes(self, value: bytes) -> bytes:
        if not self._binary:
            raise NotPlainError("bytes are not plain data here")
        self._take(len(value))
        return value

    def _set(self, value: Iterable[Any]) -> list[Any]:
        items = self._items(value)
        try:
            return sorted(items)
        except TypeError:
            return sorted(items, key=repr)


def _bounded_int(value: int) -> int:
    if value not in _INT_RANGE:
        raise NotPlainError("an integer over 64 bits cannot be sent; send it as a string")
    return value


def _key_text(key: Any) -> str:
    return repr(key)[:60] if type(key) in (str, int, float, bool) else class_name(kind_of(key))


def _hint(kind: type[Any]) -> str:
    if issubclass(kind, types.GeneratorType) or hasattr(kind, "__next__"):
        return "; make a list of it"
    return "; pass numbers, text, lists or dicts of what it holds"


def _seconds(value: dt.timedelta) -> float:
    return value.total_seconds()


_SUBCLASSES: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any], Any]], ...] = (
    (enum.Enum, lambda value: value.value),
    (int, int.__int__),
    (float, float.__float__),
    (str, lambda value: "".join(str.__iter__(value))),
    ((dt.date, dt.time), lambda value: value.isoformat() if value == value else None),  # noqa: PLR0124 - NaT
    (dt.timedelta, lambda value: _seconds(value) if value == value else None),  # noqa: PLR0124 - NaT
    ((decimal.Decimal, fractions.Fraction, uuid.UUID, pathlib.PurePath), str),
)


def _from_dataclass(value: Any, kind: type[Any], rows: int) -> tuple[bool, Any]:
    del rows
    if not dataclasses.is_dataclass(kind):
        return False, None
    return True, {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}


def _from_pydantic(value: Any, kind: type[Any], rows: int) -> tuple[bool, Any]:
    del rows
    model = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if not isinstance(model, type) or not issubclass(kind, model):
        return False, None
    return True, value.model_dump(mode="json")


def _from_numpy(value: Any, kind: type[Any], rows: int) -> tuple[bool, Any]:
    del rows
    numpy = sys.modules.get("numpy")
    scalar, array = getattr(numpy, "generic", None), getattr(numpy, "ndarray", None)
    if not isinstance(scalar, type) or not isinstance(array, type) or not issubclass(kind, (scalar, array)):
        return False, None
    plainer = value.tolist()
    if type(plainer) is kind:
        raise NotPlainError(f"{class_name(kind)!r} is not plain data; convert it to float or str")
    return True, plainer


def _from_pandas(value: Any, kind: type[Any], rows: int) -> tuple[bool, Any]:
    pandas = sys.modules.get("pandas")
    if pandas is None or class_name(kind).partition(".")[0] != "pandas":
        return False, None
    frame, series, index = (getattr(pandas, name, ()) for name in ("DataFrame", "Series", "Index"))
    if value is getattr(pandas, "NaT", None) or value is getattr(pandas, "NA", None):
        return True, None
    if not issubclass(kind, (frame, series, index)):
        return False, None
    count = len(value)
    if count > rows:
        raise NotPlainError(f"{count} rows are too many; pass the rows that matter, or .to_dict('records')")
    if issubclass(kind, frame):
        return True, [_without_nan(row) for row in value.to_dict("records")]
    if issubclass(kind, series) and value.index.is_unique:
        return True, _without_nan(value.to_dict())
    return True, value.tolist()


def _without_nan(row: dict[Any, Any]) -> dict[Any, Any]:
    # In a table NaN stands for a missing value; in plain data that is None.
    return {key: None if type(item) is float and math.isnan(item) else item for key, item in row.items()}
