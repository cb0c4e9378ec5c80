"""Errors of Monty as errors of an action: class, message, line, and what was probably meant."""

import builtins
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lumo_graph.executors.monty.variables import Described
from lumo_graph.executors.worker.text import clean, cut
from lumo_graph.types import CodeError

_MESSAGE = 4_000
_LINE = 300
_FRAMES = 8
_VALUES = 10
_MISSING = re.compile(r"name '(\w+)' is not defined")


def describe_failure(failure: Any, file: str, *, variables: Mapping[str, Described], names: Iterable[str]) -> CodeError:
    """A failed action's error.

    Args:
        failure: a MontyRuntimeError or MontySyntaxError.
        file: what its traceback calls the action.
        variables: of the session.
        names: other names that exist.
    """
    frames = list(failure.traceback())
    ours = [frame for frame in frames if frame.filename == file]
    line = int(ours[-1].line) if ours else None
    source = _first_line(ours[-1].source_line) if ours else ""
    kind = failure.display("type-msg").partition(":")[0].strip() or "Exception"
    message = failure.display("msg")
    return CodeError(
        kind=cut(clean(kind), _LINE),
        message=cut(clean(message), _MESSAGE),
        line=line,
        source=cut(clean(source), _LINE),
        traceback=_traceback(frames, f"{kind}: {message}"),
        values={name: variables[name].text for name in _names(source) if name in variables},
        near=tuple(_near(message, [*variables, *names, *vars(builtins)])),
    )


def _traceback(frames: list[Any], last: str) -> str:
    if not frames:
        return clean(last)
    entries = [
        f"  Action {_number(frame)}, line {frame.line}{_inside(frame)}\n    {_first_line(frame.source_line)}"
        for frame in frames
    ]
    if len(entries) > _FRAMES:
        half = _FRAMES // 2
        entries = [*entries[:half], f"  [{len(entries) - 2 * half} more frames]", *entries[-half:]]
    return cut(clean("\n".join(["Traceback (most recent call last):", *entries, last])), 2 * _MESSAGE)


def _first_line(source: str | None) -> str:
    return (source or "").strip().partition("\n")[0]


def _number(frame: Any) -> str:
    return str(frame.filename).rpartition("-")[2].rstrip(">")


def _inside(frame: Any) -> str:
    return "" if frame.function_name in (None, "<module>") else f", in {frame.function_name}"


def _names(source: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*", source)))[:_VALUES]


def _near(message: str, names: Iterable[str]) -> list[str]:
    if (found := _MISSING.search(message)) is None:
        return []
    pool = [name for name in dict.fromkeys(names) if name != found[1] and not name.startswith("__")]
    return difflib.get_close_matches(found[1][:80], pool, n=5, cutoff=0.6)
