"""The debug brief: what a model needs to repair a failed code action instead of starting over."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice

from lumo_graph.dialects.observe import error_title
from lumo_graph.dialects.stubs import render_stub
from lumo_graph.dialects.syntax import NOT_RUN
from lumo_graph.excerpts import bullets, one_line, readable, shorten
from lumo_graph.types import CodeError, Execution, ToolCall, ToolSpec

_MOST_STUBS = 2
_MOST_CALLS = 20
_MOST_VALUES = 12

_LOOK_FIRST = "Look at the value before you use it: print its type, its length, and its keys or first items."
_SEND_AGAIN = "Send the whole block again, corrected."
_WHOLE_BLOCK = f"{NOT_RUN} {_SEND_AGAIN}"
_NO_NETWORK = "There is no network here. Only the tools reach the outside."
_SMALLER = "Work in smaller pieces, and keep less in memory at once."

_CALLS_KEPT = """\
Tool calls this block has made. Those that returned took effect: do not repeat them, use the variables that hold \
their results."""
_CALLS_LOST = """\
Tool calls this block has made. Those that returned took effect, but their results are gone with the variables: \
repeat only what is safe to do twice."""

_ADVICE: Mapping[str, str] = {
    "SyntaxError": _WHOLE_BLOCK,
    "IndentationError": _WHOLE_BLOCK,
    "TabError": _WHOLE_BLOCK,
    "KeyError": _LOOK_FIRST,
    "IndexError": _LOOK_FIRST,
    "AttributeError": _LOOK_FIRST,
    "TimeoutError": "Do less in one block: smaller batches with results kept in variables, or a faster algorithm.",
    "MemoryError": _SMALLER,
    "SessionDied": _SMALLER,
    "RecursionError": "Use a loop, or make sure that the recursion ends.",
    "EOFError": "`input()` has nobody to answer it. Put the values into the code.",
    "SystemExit": "Do not end the interpreter. Let the block run to its end, or call `final_answer(...)`.",
    "FileNotFoundError": "The host's files are not here. Only what your code wrote exists, until a restart.",
    "PermissionError": "The sandbox does not allow this. Find a way that needs only Python and the tools.",
    "ConnectionError": _NO_NETWORK,
    "ConnectionRefusedError": _NO_NETWORK,
    "gaierror": _NO_NETWORK,
    "URLError": _NO_NETWORK,
}


def debug_brief(execution: Execution, *, tools: Sequence[ToolSpec], attempts_left: int) -> str:
    """The brief for a failed action; empty if the action did not fail.

    It stands below the observation, which shows the error and the failing line, so it does not repeat them.

    Args:
        execution: the failed action.
        tools: what code may call.
        attempts_left: repairs the model may still try, this one included.
    """
    error = execution.error
    if error is None:
        return ""
    sections = [
        f"Repair this {error_title(error)}.",
        _values(error),
        _near(error, tools),
        _signatures(error, tools),
        "\n".join(_advice(error, tools)),
        _calls_made(execution),
        _attempts(attempts_left),
    ]
    return "\n\n".join(section for section in sections if section)


def _values(error: CodeError) -> str:
    if not error.values:
        return ""
    listed = bullets(
        error.values.items(), lambda item: f"`{item[0]}` = {_short(item[1], 300)}", count=_MOST_VALUES, width=320
    )
    return f"Values on that line:\n{listed}"


def _near(error: CodeError, tools: Sequence[ToolSpec]) -> str:
    names = list(error.near)
    if missing := _missing_name(error):
        names += get_close_matches(missing, [tool.name for tool in tools], cutoff=0.7)
    unique = [f"`{_short(name, 100)}`" for name in dict.fromkeys(names)]
    return f"Similar names that exist: {', '.join(unique[:10])}." if unique else ""


def _signatures(error: CodeError, tools: Sequence[ToolSpec]) -> str:
    if error.kind != "TypeError" and "ValidationError" not in error.kind:
        return ""
    called = set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", f"{error.source[:2000]}\n{error.message[:2000]}"))
    stubs = [shorten(render_stub(tool), 3000) for tool in tools if tool.name in called]
    if not stubs:
        return ""
    return "Signature of the tool on that line:\n```python\n" + "\n\n".join(stubs[:_MOST_STUBS]) + "\n```"


def _advice(error: CodeError, tools: Sequence[ToolSpec]) -> Iterator[str]:
    checked = error.message.endswith(NOT_RUN)  # which the observation says already
    kind = error.kind.rpartition(".")[2]
    if kind == "NameError":
        yield _name_advice(error)
    elif kind in ("ModuleNotFoundError", "ImportError"):
        yield _import_advice(error, tools)
    elif "coroutine" in error.message:
        asynchronous = [f"`await {tool.name}(...)`" for tool in tools if tool.is_async]
        yield f"An async call needs `await`{': ' + ', '.join(asynchronous[:5]) if asynchronous else ''}."
    elif "event loop" in error.message:
        yield "An event loop is running already. Use `await` at the top level instead of `asyncio.run(...)`."
    elif kind in _ADVICE and not (checked and _ADVICE[kind] == _WHOLE_BLOCK):
        yield _ADVICE[kind]
    if checked:
        yield _SEND_AGAIN


def _name_advice(error: CodeError) -> str:
    missing = _missing_name(error)
    if missing in sys.stdlib_module_names:
        return f"Import it first: `import {missing}`."
    return "Define it first, or use a name that exists."


def _import_advice(error: CodeError, tools: Sequence[ToolSpec]) -> str:
    words = set(re.findall(r"\w+", f"{error.source[:2000]} {error.message[:2000]}"))
    named = [tool.name for tool in tools if tool.name in words]
    if named:
        return f"`{named[0]}` is a tool: it exists already. Call it without importing it."
    return "Packages cannot be installed here. Use the standard library or one of the packages you were told of."


def _missing_name(error: CodeError) -> str:
    found = re.search(r"name '(\w+)' is not defined", error.message[:2000])
    return found[1] if found and error.kind == "NameError" else ""


def _calls_made(execution: Execution) -> str:
    if not execution.calls:
        return ""
    heading = _CALLS_LOST if execution.rolled_back else _CALLS_KEPT
    return f"{heading}\n{bullets(execution.calls, _call, count=_MOST_CALLS, width=400)}"


def _call(call: ToolCall) -> str:
    args = ", ".join(f"{name}={_argument(value)}" for name, value in islice(call.args.items(), 20))
    result = _short(call.preview, 150)
    outcome = result if call.ok or not call.finished else f"failed: {result}"
    return f"{call.name}({one_line(args, 200)}) -> {outcome}"


def _argument(value: object) -> str:
    # Cut before repr: an argument may be megabytes of text.
    return repr(shorten(value, 100)) if isinstance(value, str) else shorten(repr(value), 100)


def _short(text: str, limit: int) -> str:
    return one_line(readable(shorten(text, limit * 4)), limit)


def _attempts(left: int) -> str:
    if left <= 0:
        return ""
    if left == 1:
        return "This is the last attempt: if it fails too, the run ends."
    return f"{left} attempts are left."
