"""What a session says about its work, checked before anything is made of it. All of it is untrusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard, cast

from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.inputs import is_name
from lumo_graph.sources import MAX_CLOCK_BYTES
from lumo_graph.types import CHANGES, Change, CodeError, ToolSpec, Value

_MAX_DEPTH = 70
_MAX_PARTS = 1_000_000
_NAME = 300
_TEXT = 40_000
_MAX_VARIABLES = 300
_MAX_NEAR = 10
_MAX_UNSAVED = 1_000
_MAX_THREADS = 50
_TRACE = 12

Fields: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMessage:
    """A tool call the code asks for."""

    action: int
    key: int
    name: str
    args: Fields
    line: int | None
    in_order: bool
    trace: bytes = b""
    clock: bytes = b""
    """Times that the action has read since its last call."""
    parts: int = 0
    """Values in its arguments, those in containers included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneMessage:
    """The end of an action."""

    action: int
    value: Value | None = None
    answer: Value | None = None
    error: CodeError | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    changed: Mapping[str, Change] = field(default_factory=dict[str, Change])
    threads: tuple[str, ...] = ()
    processes: int = 0
    clock: bytes = b""


def parse_call(message: list[Any], tools: Mapping[str, ToolSpec]) -> CallMessage:
    """Check `["call", action, key, name, args, line, is it in order, trace, clock]`.

    Raises:
        FrameError: it has another shape, or names a tool or a parameter that does not exist.
    """
    if len(message) != 9:  # noqa: PLR2004 - the shape above
        raise FrameError("a call of the wrong length")
    _, action, key, name, args, line, in_order, trace, clock = message
    if type(name) is not str or name not in tools:
        raise FrameError("a call of a tool that does not exist")
    fields = _fields(args, f"arguments of {name}")
    if not fields.keys() <= {parameter.name for parameter in tools[name].parameters}:
        raise FrameError(f"a call of {name} with arguments it does not have")
    parts = check_plain(fields)
    return CallMessage(
        action=_whole(action),
        key=_whole(key),
        name=name,
        args=fields,
        line=None if line is None else _whole(line),
        in_order=in_order is True,
        trace=_trace(trace),
        clock=_clock(clock),
        parts=parts,
    )


def parse_done(message: list[Any]) -> DoneMessage:
    """Check `["done", action, {value, answer, error, variables, changed, threads, processes, clock}]`.

    Raises:
        FrameError: it has another shape.
    """
    if len(message) != 3:  # noqa: PLR2004 - the shape above
        raise FrameError("an end of the wrong length")
    fields = _fields(message[2], "an end")
    if fields.keys() != {"value", "answer", "error", "variables", "changed", "threads", "processes", "clock"}:
        raise FrameError("an end with other fields")
    return DoneMessage(
        action=_whole(message[1]),
        value=_value(fields["value"]),
        answer=_value(fields["answer"]),
        error=_error(fields["error"]),
        variables=_texts(fields["variables"], _MAX_VARIABLES),
        changed=_changes(fields["changed"]),
        threads=_names(fields["threads"]),
        processes=_whole(fields["processes"]),
        clock=_clock(fields["clock"]),
    )


def parse_component(message: list[Any]) -> tuple[str, bytes | None]:
    """Check `["component", name, part or None, is it the last]`."""
    if len(message) != 4:  # noqa: PLR2004 - the shape above
        raise FrameError("a component of the wrong length")
    _, name, part, last = message
    if not (part is None or type(part) is bytes) or type(last) is not bool:
        raise FrameError("a component that is not bytes")
    return _text(name, _NAME), part


def parse_file(message: list[Any]) -> tuple[str, bytes | None]:
    """Check `["file", path, part or None, is it the last]`."""
    name, part = parse_component(message)
    if not is_name(name):
        raise FrameError("a file with a path that is none")
    return name, part


def parse_unsaved(message: list[Any]) -> dict[str, str]:
    """Check `["snapped", {path: reason}]`."""
    return _texts(message[1] if len(message) > 1 else None, _MAX_UNSAVED)


def parse_text(message: list[Any]) -> str:
    """Check `[kind, text]`."""
    return _text(message[1] if len(message) > 1 else None, _TEXT)


def parse_unfrozen(message: list[Any]) -> str:
    """Check `["unfrozen", action, reason]`."""
    if len(message) != 3:  # noqa: PLR2004 - the shape above
        raise FrameError("a missing copy of the wrong length")
    _whole(message[1])
    return _text(message[2], _NAME)


def parse_thawed(message: list[Any]) -> tuple[str, ...]:
    """Check `["thawed", [name of a thread, ...]]`."""
    if message[0] != "thawed" or len(message) != 2:  # noqa: PLR2004 - the shape above
        raise FrameError("something else than a copy that has woken up")
    return _names(message[1])


def check_plain(value: Any, *, binary: bool = True) -> int:
    """Refuse data that is nested too deep or has too many parts, and bytes unless `binary`; msgpack knows no more.

    Returns:
        How many parts there are.
    """
    level: list[Any] = [value]
    parts = 0
    for _ in range(_MAX_DEPTH):
        level = [item for container in level for item in _inner(container)]
        parts += len(level)
        if parts > _MAX_PARTS:
            raise FrameError("data of too many parts")
        if not binary and any(type(item) is bytes for item in level):
            raise FrameError("bytes where there may be none")
        if not level:
            return parts
    raise FrameError("data that is nested too deep")


def check_keys(value: Any) -> None:
    """Refuse data with keys that are not text. For data that `check_plain` has let through."""
    level: list[Any] = [value]
    while level:
        if any(type(item) is dict and any(type(key) is not str for key in cast("Fields", item)) for item in level):
            raise FrameError("a key that is no text")
        level = [item for container in level for item in _inner(container)]


def _inner(value: Any) -> list[Any]:
    if type(value) is dict:
        return [*cast("Fields", value).values()]
    return cast("list[Any]", value) if type(value) is list else []


def _value(data: Any) -> Value | None:
    if data is None:
        return None
    fields = _fields(data, "a value")
    if fields.keys() != {"kind", "preview", "json"}:
        raise FrameError("a value with other fields")
    check_plain([fields["json"]], binary=False)
    check_keys(fields["json"])
    return Value(kind=_text(fields["kind"], _NAME), preview=_text(fields["preview"], _TEXT), json=fields["json"])


def _error(data: Any) -> CodeError | None:
    if data is None:
        return None
    fields = _fields(data, "an error")
    if fields.keys() != {"kind", "message", "line", "source", "traceback", "values", "near"}:
        raise FrameError("an error with other fields")
    near = fields["near"]
    if not _is_list(near) or len(near) > _MAX_NEAR:
        raise FrameError("near names that are not a list")
    return CodeError(
        kind=_text(fields["kind"], _NAME),
        message=_text(fields["message"], _TEXT),
        line=None if fields["line"] is None else _whole(fields["line"]),
        source=_text(fields["source"], _TEXT),
        traceback=_text(fields["traceback"], _TEXT),
        values=_texts(fields["values"], _MAX_VARIABLES),
        near=tuple(_text(name, _NAME) for name in near),
    )


def _trace(value: Any) -> bytes:
    if type(value) is not bytes or len(value) not in (0, _TRACE):
        raise FrameError("a trace that is none")
    return value


def _clock(value: Any) -> bytes:
    if type(value) is not bytes or len(value) > MAX_CLOCK_BYTES:
        raise FrameError("times that are none, or too many")
    return value


def _changes(value: Any) -> dict[str, Change]:
    changes = _texts(value, 2 * _MAX_VARIABLES)
    if not all(change in CHANGES for change in changes.values()):
        raise FrameError("a change of an unknown kind")
    return cast("dict[str, Change]", changes)


def _names(value: Any) -> tuple[str, ...]:
    if not _is_list(value) or len(value) > _MAX_THREADS:
        raise FrameError("names that are not a list")
    return tuple(_text(name, _NAME) for name in value)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list


def _fields(value: Any, what: str) -> Fields:
    if type(value) is not dict or not all(type(key) is str for key in cast("Fields", value)):
        raise FrameError(f"{what} that are no fields")
    return cast("Fields", value)


def _texts(value: Any, most: int) -> dict[str, str]:
    fields = _fields(value, "texts")
    if len(fields) > most:
        raise FrameError("too many texts")
    return {_text(name, 2 * _NAME): _text(text, _TEXT) for name, text in fields.items()}


def _text(value: Any, most: int) -> str:
    if type(value) is not str or len(value) > most:
        raise FrameError("text that is none, or too long")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise FrameError("a number that is none")
    return value
