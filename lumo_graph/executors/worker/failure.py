"""Exceptions of an action as the model can use them: where, why, with which values, and what was probably meant."""

import builtins
import difflib
import keyword
import linecache
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pkgutil import iter_modules
from typing import Any, cast

from lumo_graph.executors.worker.text import bounded_repr, class_name, clean, cut, kind_of, safe_text

_MESSAGE = 4_000
_LINE = 300
_FRAMES = 8
_CHAIN = 3
_GROUP = 5
_VALUES = 10
_VALUE = 200
_CANDIDATES = 5_000
_ACTION_FILE = re.compile(r"<action (\d+) [0-9a-f]{8}>")
_NAMES = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_NOT_FOUND_IN = re.compile(r"cannot import name '([^']+)' from '([^']+)'")


def describe_failure(error: BaseException, filename: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """A failed action's exception as plain data.

    Args:
        error: what the action raised.
        filename: of the action, as its code objects carry it.
        namespace: the session's variables.
    """
    frames = [(frame, line) for frame, line in _frames(error.__traceback__) if _is_ours(frame)]
    lines = [line for frame, line in frames if frame.f_code.co_filename == filename]
    line, source = lines[-1] if lines else None, ""
    if line is not None:
        source = _source(filename, line)
    elif isinstance(error, SyntaxError) and error.filename == filename:
        line, source = error.lineno, (error.text or "").rstrip()
    scope = {**frames[-1][0].f_globals, **frames[-1][0].f_locals} if frames else dict(namespace)
    where = _source(frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else source
    return {
        "kind": class_name(type(error)),
        "message": describe_message(error),
        "line": line,
        "source": cut(clean(source.strip()), _LINE),
        "traceback": describe_traceback(error),
        "values": _values(f"{where}\n{source}", scope),
        "near": _near(error, f"{where}\n{source}", scope),
    }


def describe_message(error: BaseException) -> str:
    """The exception's message, with its notes, bounded."""
    if isinstance(error, SyntaxError):
        return safe_text(lambda: error.msg or "invalid syntax", _MESSAGE, "no message")
    message = safe_text(lambda: str(error), _MESSAGE, "no message")
    notes: Any = getattr(error, "__notes__", None)
    if type(notes) is list:
        message = "\n".join([message, *(_note(note) for note in cast("list[Any]", notes)[:_GROUP])])
    return message


def _note(note: Any) -> str:
    return safe_text(lambda: note, _LINE, "no note")


def describe_traceback(error: BaseException) -> str:
    """The traceback cut to frames of the session's code, with the causes before it, bounded."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if len(parts) == _CHAIN:
            parts.append("(earlier exceptions left out)")
            break
        parts.append("\n".join(_one_traceback(current)))
        current, how = _before(current)
        if current is not None:
            parts[-1] = f"{how}\n\n{parts[-1]}"
    return cut("\n\n".join(reversed(parts)), _MESSAGE * 2)


def _before(error: BaseException) -> tuple[BaseException | None, str]:
    if error.__cause__ is not None:
        return error.__cause__, "The above exception was the direct cause of the following exception:"
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__, "During handling of the above exception, another exception occurred:"
    return None, ""


def _one_traceback(error: BaseException) -> Iterator[str]:
    entries = list(_entries(error.__traceback__))
    if entries:
        yield "Traceback (most recent call last):"
    if len(entries) > _FRAMES:
        half = _FRAMES // 2
        left_out = f"  [{len(entries) - 2 * half} more frames]"
        entries = [*entries[:half], left_out, *entries[-half:]]
    yield from entries
    if isinstance(error, SyntaxError) and error.lineno is not None:
        yield f"  line {error.lineno}"
        yield f"    {cut(clean((error.text or '').strip()), _LINE)}"
    message = describe_message(error)
    yield f"{class_name(type(error))}: {message}" if message else class_name(type(error))
    if isinstance(error, BaseExceptionGroup):
        inside = cast("BaseExceptionGroup[BaseException]", error).exceptions
        for inner in inside[:_GROUP]:
            yield f"  + {class_name(type(inner))}: {cut(describe_message(inner), _LINE)}"
        if len(inside) > _GROUP:
            yield f"  + {len(inside) - _GROUP} more"


def _entries(traceback: types.TracebackType | None) -> Iterator[str]:
    library, count = "", 0
    for frame, line in _frames(traceback):
        if not _is_ours(frame):
            name = safe_text(lambda frame=frame: frame.f_globals.get("__name__", "?").partition(".")[0], _LINE, "?")
            if name != "lumo_graph":
                library, count = name, count + 1
            continue
        if count:
            yield f"  [{count} frame{'s' * (count > 1)} in {library}]"
            count = 0
        name = frame.f_code.co_name
        inside = "" if name == "<module>" else f", in {name}"
        source = cut(clean(_source(frame.f_code.co_filename, line).strip()), _LINE)
        yield f"  {_place(frame.f_code.co_filename)}, line {line}{inside}\n    {source}"
    if count:
        yield f"  [{count} frame{'s' * (count > 1)} in {library}]"


def _frames(traceback: types.TracebackType | None) -> Iterator[tuple[types.FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_ours(frame: types.FrameType) -> bool:
    return _ACTION_FILE.fullmatch(frame.f_code.co_filename) is not None


def _place(filename: str) -> str:
    match = _ACTION_FILE.fullmatch(filename)
    return f"Action {match[1]}" if match else filename


def _source(filename: str, line: int) -> str:
    return linecache.getline(filename, line).rstrip("\n")


def _values(text: str, scope: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _names(text):
        value = scope.get(name, _ACTION_FILE)
        if value is _ACTION_FILE or isinstance(value, (types.ModuleType, types.FunctionType, type)):
            continue
        found[name] = bounded_repr(value, _VALUE)
        if len(found) == _VALUES:
            break
    return found


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name for name in _NAMES.findall(text) if not keyword.iskeyword(name)))


def _near(error: BaseException, text: str, scope: Mapping[str, Any]) -> list[str]:
    try:
        wanted, candidates = _sought(error, text, scope)
        if not wanted:
            return []
        names = [name for _, name in zip(range(_CANDIDATES), candidates, strict=False) if type(name) is str]
        pool = {clean(name): None for name in names if 0 < len(name) <= 80 and name != wanted}  # noqa: PLR2004 - names a person writes
        close = difflib.get_close_matches(wanted[:80], pool, n=5, cutoff=0.6)
        folded = [name for name in pool if name.casefold() == wanted.casefold() and name not in close]
        return [*folded, *close][:5]
    except BaseException:  # noqa: BLE001 - `dir` and keys of hostile objects
        return []


def _sought(error: BaseException, text: str, scope: Mapping[str, Any]) -> tuple[str, Iterable[Any]]:
    if isinstance(error, NameError):
        return error.name or "", [*scope, *vars(builtins)]
    if isinstance(error, AttributeError):
        return error.name or "", [name for name in dir(error.obj) if not name.startswith("_")]
    if isinstance(error, KeyError) and error.args:
        key = error.args[0]
        return (key if type(key) is str else ""), _keys(scope[name] for name in _names(text) if name in scope)
    if isinstance(error, ModuleNotFoundError):
        root, dot, _ = (error.name or "").partition(".")
        known = root in sys.modules and dot
        return ("" if known else root), [*sys.stdlib_module_names, *(module.name for module in iter_modules())]
    if isinstance(error, ImportError) and (match := _NOT_FOUND_IN.match(str(error))):
        return match[1], dir(sys.modules[match[2]])
    return "", ()


def _keys(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        for item in (value, *(value[:1] if type(value) in (list, tuple) else ())):
            if issubclass(kind_of(item), dict):
                yield from item
                for inner in list(item.values())[:20]:
                    if type(inner) is dict:
                        yield from inner
            elif class_name(kind_of(item)).startswith("pandas."):
                yield from getattr(item, "columns", ())
                if class_name(kind_of(item)) == "pandas.Series":
                    yield from item.index
