"""What an action has done before it was interrupted, and what a second run of it may take from there. Pure.

A tool call is known by its name, the digest of its arguments, and how many like it came before: calls of threads and
tasks may come in another order when their action runs again. Those of the main thread may not.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, cast

import msgpack

from lumo_graph.types import ToolReply

_packb = cast("Any", msgpack).packb
_unpackb = cast("Any", msgpack).unpackb
_TOLD_BYTES = 8
_NOT_STORABLE = "the call was made before, but what it returned could not be stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallKey:
    """One call of an action, the same in every run of it."""

    name: str
    digest: str
    """Of the arguments."""
    nth: int
    """How many calls of this name and digest came before it."""

    def __str__(self) -> str:
        return f"{self.name}:{self.digest}:{self.nth}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """How an action has come to a call."""

    trace: bytes = b""
    """Of what it had printed and drawn, see `ToolRequest.trace`."""
    told: bytes = b""
    """Of what it was told by calls that are not recorded, see `Told`."""

    def differs(self, other: "Path") -> bool:
        """Whether it is certain that this is another way than the other one, though everything that was told agrees."""
        return self.trace != other.trace and b"" not in (self.trace, other.trace) and self.told == other.told


@dataclass(slots=True)
class Told:
    """Stands for what calls that are not recorded have returned, in whatever order."""

    _sum: int = 0

    def add(self, reply: ToolReply) -> None:
        """One of them has returned."""
        try:
            packed = _packb([reply.value, reply.error, reply.error_type])
        except (TypeError, ValueError, OverflowError):
            packed = os.urandom(_TOLD_BYTES)  # equal to nothing
        digest = hashlib.blake2b(packed, digest_size=_TOLD_BYTES).digest()
        self._sum = (self._sum + int.from_bytes(digest, "little")) % (1 << 8 * _TOLD_BYTES)

    @property
    def digest(self) -> bytes:
        """Empty if there was none."""
        return self._sum.to_bytes(_TOLD_BYTES, "little") if self._sum else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A call that was made, as a checkpointer stores it."""

    key: str
    name: str
    place: int
    """How many calls of the action had come before it."""
    in_order: bool
    """It came from the main thread of the code, whose calls come in the same order in every run."""
    args: bytes
    """As msgpack: whatever their size, the store sees bytes."""
    value: bytes | None = None
    error: str | None = None
    error_type: str = ""
    edited: bytes | None = None
    """The arguments that a person has put in the place of these, as msgpack."""
    trace: bytes = b""
    told: bytes = b""
    """Both as in `Path`."""
    spent: dict[str, Any] | None = None
    """As in `ToolReply`."""

    @classmethod
    def of(
        cls,
        asked: "Asked",
        args: Mapping[str, Any],
        reply: ToolReply,
        *,
        in_order: bool,
        edited: Mapping[str, Any] | None = None,
    ) -> Self:
        """The record of a call and its reply."""
        value: bytes | None = None
        error, error_type = reply.error, reply.error_type
        if error is None:
            try:
                value = _packb(reply.value)
            except (TypeError, ValueError, OverflowError):
                error, error_type = _NOT_STORABLE, "RuntimeError"
        return cls(
            key=str(asked.key), name=asked.key.name, place=asked.place, in_order=in_order, args=_packb(dict(args)),
            value=value, error=error, error_type=error_type, edited=None if edited is None else _packb(dict(edited)),
            trace=asked.path.trace, told=asked.path.told, spent=None if reply.spent is None else dict(reply.spent),
        )  # fmt: skip

    @property
    def reply(self) -> ToolReply:
        """What the call returned."""
        if self.value is None:
            error, kind = self.error or _NOT_STORABLE, self.error_type or "RuntimeError"
            return ToolReply(error=error, error_type=kind, spent=self.spent)
        return ToolReply(value=_unpackb(self.value, strict_map_key=False), spent=self.spent)

    @property
    def path(self) -> Path:
        """How the action came to it."""
        return Path(trace=self.trace, told=self.told)

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was called with."""
        return cast("dict[str, Any]", _unpackb(self.edited or self.args, strict_map_key=False))

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**data)


def digest_args(args: Mapping[str, Any]) -> str:
    """A digest of arguments, which are plain data."""
    return hashlib.blake2b(_packb(dict(sorted(args.items()))), digest_size=12).hexdigest()


def can_be_recorded(args: Mapping[str, Any]) -> bool:
    """Whether the record of a call with these arguments can be stored, and read again."""
    try:
        _unpackb(_packb(dict(args)), strict_map_key=False)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


class DivergedError(Exception):
    """An action that runs again asks for a call that its first run did not make at this point, or came to otherwise."""


_NO_PATH = Path()


@dataclass(slots=True, kw_only=True)
class Asked:
    """A call as the journal sees it when it comes."""

    key: CallKey
    place: int
    record: Record | None
    """What it returned before, if it was made before."""
    path: Path = _NO_PATH


@dataclass(slots=True, kw_only=True)
class Replay:
    """Matches the calls of an action with the records of an earlier run. Not for several threads at once.

    Args:
        records: of the earlier run; none if this is the first.
    """

    records: dict[str, Record] = field(default_factory=dict[str, Record])
    _left: dict[str, Record] = field(init=False)
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]], init=False)
    _place: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._left = dict(self.records)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """The replay of these records."""
        return cls(records={record.key: record for record in records})

    def ask(self, name: str, args: Mapping[str, Any], *, in_order: bool, path: Path = _NO_PATH) -> Asked:
        """Look a call up.

        Args:
            name: of the tool.
            args: plain data.
            in_order: it comes from the main thread of the code.
            path: how the code has come to it.

        Raises:
            DivergedError: the earlier run made another call at this point, or came to it in another way. This one must
                not be made.
        """
        digest = digest_args(args)
        key = CallKey(name=name, digest=digest, nth=self._seen[name, digest])
        record = self._left.get(str(key))
        if record is None and in_order and (other := self._next_in_order()) is not None:
            raise DivergedError(
                f"the code ran again and called {name}() where it had called {other.name}() with other arguments before"
                if name == other.name
                else f"the code ran again and called {name}() where it had called {other.name}() before"
            )
        if record is not None and in_order and record.in_order and path.differs(record.path):
            raise DivergedError(
                f"the code ran again and came to its call of {name}() in another way: it had printed something else "
                "before, or had drawn more or fewer random numbers"
            )
        self._seen[name, digest] += 1
        self._left.pop(str(key), None)
        asked = Asked(key=key, place=self._place, record=record, path=path)
        self._place += 1
        return asked

    def may_repeat(self, name: str, args: Mapping[str, Any]) -> bool:
        """Whether a call from a thread or a task may be one that was made before, with other arguments.

        It was not made with these, and calls of the same tool that were made by threads or tasks have not come yet.
        """
        digest = digest_args(args)
        if str(CallKey(name=name, digest=digest, nth=self._seen[name, digest])) in self._left:
            return False
        return any(record.name == name and not record.in_order for record in self._left.values())

    @property
    def left(self) -> list[Record]:
        """Calls that the earlier run made and this one has not asked for, in their order."""
        return sorted(self._left.values(), key=lambda record: record.place)

    def _next_in_order(self) -> Record | None:
        return next((record for record in self.left if record.in_order), None)
