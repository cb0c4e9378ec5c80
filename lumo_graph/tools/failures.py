"""Exceptions of tools as replies, and which exceptions are none of a tool's business."""

import asyncio
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pydantic
import pydantic.v1

from lumo_graph.types import Parameter, ToolReply

_LONGEST_MESSAGE = 4000
_MOST_ERRORS = 5
_LONGEST_NAME = 100


def unknown_tool(name: str, known: Iterable[str]) -> ToolReply:
    """The reply to a call of a tool that does not exist."""
    names = sorted(known)
    name = name[:_LONGEST_NAME]  # it comes from a session, and searching takes time
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        hint = f"Did you mean {', '.join(map(repr, near))}?"
    else:
        hint = f"Tools are: {', '.join(names)}." if names else "There are no tools."
    return ToolReply(error=f"There is no tool named {name!r}. {hint}", error_type="NameError")


def failed(error: BaseException) -> ToolReply:
    """The reply for an exception that a tool raised: its message and its class, never its traceback."""
    error = leaf(error)
    return ToolReply(error=message_of(error), error_type=type(error).__name__)


def rejected(tool: str, error: Exception, shown: Iterable[Parameter], keys: Mapping[str, str]) -> ToolReply:
    """The reply for arguments that do not validate: what is wrong with which parameter, and what was expected.

    Args:
        tool: name of the tool.
        error: a ValidationError of pydantic v1 or v2.
        shown: the tool's parameters.
        keys: parameter to its name in the tool's own schema.
    """
    by_key = {keys.get(parameter.name, parameter.name): parameter for parameter in shown}
    details = _details(error)
    texts: list[str] = []
    kinds: set[str] = set()
    for detail in details[:_MOST_ERRORS]:
        place = tuple(detail["loc"])
        parameter = by_key.get(str(place[0])) if place else None
        name = parameter.name if parameter else ".".join(map(str, place))
        if len(place) == 1 and detail["type"] in ("missing", "value_error.missing"):
            kinds.add("TypeError")
            texts.append(f"missing the required argument {name!r}")
        elif len(place) == 1 and detail["type"] in ("extra_forbidden", "value_error.extra"):
            kinds.add("TypeError")
            texts.append(f"got an unexpected argument {name!r}")
        else:
            kinds.add("ValueError")
            texts.append(_wrong_value(name, place, parameter, detail))
    if len(details) > _MOST_ERRORS:
        texts.append(f"and {len(details) - _MOST_ERRORS} more")
    kind = "ValueError" if "ValueError" in kinds or not kinds else "TypeError"
    return ToolReply(error=f"{tool}(): {'; '.join(texts)}.", error_type=kind)


def _wrong_value(name: str, place: tuple[Any, ...], parameter: Parameter | None, detail: Mapping[str, Any]) -> str:
    inner = "".join(f"[{part!r}]" for part in place[1:])
    reason = str(detail["msg"]).removeprefix("Value error, ").rstrip(".")
    reason = reason[:1].lower() + reason[1:] if reason.startswith(("Input ", "Field ", "String ", "List ")) else reason
    given = f" (got {shorten(_safe_repr(detail['input']), 80)})" if "input" in detail else ""
    of_type = parameter is not None and not inner and str(detail["type"]).endswith(("_type", "_parsing"))
    wanted = f"must be {parameter.annotation}" if of_type and parameter else "is not valid"
    return f"the argument {name!r} {wanted}: {f'at {inner}, ' if inner else ''}{reason}{given}"


def is_validation_error(error: BaseException) -> bool:
    """Whether pydantic, v1 or v2, raised this about data."""
    return isinstance(error, (pydantic.ValidationError, pydantic.v1.ValidationError))


def is_control_flow(error: BaseException) -> bool:
    """Whether an exception steers the graph rather than reports a failure, as `interrupt()` does inside a tool.

    A tool that calls `sys.exit`, or whose own task was cancelled, has failed; it does not end the program it serves.
    LangGraph's exceptions are named rather than imported: only the floors above know it.
    """
    if not isinstance(error, (Exception, SystemExit, asyncio.CancelledError)):
        return True
    return any(
        kind.__module__ == "langgraph.errors" and kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__
    )


def leaf(error: BaseException) -> BaseException:
    """The one exception inside nested groups of one, as task groups raise them; else the exception itself."""
    while isinstance(error, BaseExceptionGroup):
        inner: list[BaseException] = list(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        if len(inner) > 1:
            break
        error = inner[0]
    return cast("BaseException", error)


def message_of(error: BaseException) -> str:
    """Bounded text of an exception; its class name if it has none."""
    if is_validation_error(error):
        details = _details(cast("Exception", error))
        return shorten(
            "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in details), _LONGEST_MESSAGE
        )
    try:
        # A KeyError shows its message as a repr.
        text = (error.args[0] if isinstance(error, KeyError) and _is_text(error.args) else str(error)).strip()
    except Exception:  # noqa: BLE001 - an exception of foreign code may have a broken __str__
        text = ""
    return shorten(text or type(error).__name__, _LONGEST_MESSAGE)


def _is_text(args: tuple[Any, ...]) -> bool:
    return len(args) == 1 and isinstance(args[0], str)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, as a sentence."""
    line = message_of(error).splitlines()[0].rstrip()
    return line if line.endswith(".") else f"{line}."


def shorten(text: str, limit: int) -> str:
    """Text of at most `limit` characters, its head and its tail kept."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]}…{text[head + 1 - limit :]}"


def _details(error: Exception) -> list[Mapping[str, Any]]:
    if isinstance(error, pydantic.ValidationError):
        return [*error.errors(include_url=False, include_context=False)]
    return cast("list[Mapping[str, Any]]", cast("pydantic.v1.ValidationError", error).errors())


def _safe_repr(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        value = value[:200]
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a value of foreign code may have a broken __repr__
        return type(value).__name__
