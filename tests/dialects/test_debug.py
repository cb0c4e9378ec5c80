# ruff: noqa: E501 - the snapshots are as wide as what the model reads

from typing import Any

import pytest
from inline_snapshot import snapshot

from lumo_graph.dialects import debug_brief
from lumo_graph.types import CodeError, Execution, Parameter, ToolCall, ToolSpec

TOOLS = [
    ToolSpec(
        name="search",
        doc="Search the web.",
        parameters=(Parameter(name="query", annotation="str"),),
        returns="list[str]",
    ),
    ToolSpec(name="fetch", doc="Read a page.", parameters=(Parameter(name="url", annotation="str"),), is_async=True),
]


def brief(kind: str, message: str = "", *, left: int = 2, calls: tuple[ToolCall, ...] = (), **error: Any) -> str:
    execution = Execution(error=CodeError(kind=kind, message=message, **error), calls=calls)
    return debug_brief(execution, tools=TOOLS, attempts_left=left)


def test_the_brief_of_a_mistyped_name() -> None:
    text = brief(
        "NameError",
        "name 'totl' is not defined",
        line=3,
        source="    print(totl, len(rows))",
        values={"rows": "[{'n': 1}, {'n': 2}]"},
        near=("total", "totals"),
        calls=(
            ToolCall(name="search", args={"query": "tea"}, preview="['a',\n 'b']"),
            ToolCall(name="search", args={"query": "x" * 1_000}, ok=False, preview="ToolError: too long"),
        ),
    )
    assert text == snapshot("""\
Repair this NameError on line 3.

Values on that line:
- `rows` = [{'n': 1}, {'n': 2}]

Similar names that exist: `total`, `totals`.

Define it first, or use a name that exists.

Tool calls this block has made. Those that returned took effect: do not repeat them, use the variables that hold their results.
- search(query='tea') -> ['a', 'b']
- search(query='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ... [937 characters left out] ... xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') -> failed: ToolError: too long

2 attempts are left.\
""")


def test_the_brief_of_a_misused_tool() -> None:
    text = brief(
        "TypeError",
        "search() got an unexpected keyword argument 'q'",
        line=1,
        source="hits = search(q=word)",
        values={"word": "'tea'"},
        left=1,
    )
    assert text == snapshot('''\
Repair this TypeError on line 1.

Values on that line:
- `word` = 'tea'

Signature of the tool on that line:
```python
def search(query: str) -> list[str]:
    """Search the web."""
    ...
```

This is the last attempt: if it fails too, the run ends.\
''')


def test_the_brief_of_code_that_is_not_python() -> None:
    assert brief("SyntaxError", "'(' was never closed", line=2, source="print(") == snapshot("""\
Repair this SyntaxError on line 2.

Nothing of the block was run. Send the whole block again, corrected.

2 attempts are left.\
""")


def test_the_brief_of_a_session_that_was_lost() -> None:
    execution = Execution(
        error=CodeError(kind="TimeoutError", message="The action ran longer than its limit of 30 s and was stopped."),
        calls=(ToolCall(name="search", args={"query": "tea"}, preview="['a']"),),
        rolled_back=True,
    )
    assert debug_brief(execution, tools=TOOLS, attempts_left=3) == snapshot("""\
Repair this TimeoutError.

Do less in one block: smaller batches with results kept in variables, or a faster algorithm.

Tool calls this block has made. Those that returned took effect, but their results are gone with the variables: repeat only what is safe to do twice.
- search(query='tea') -> ['a']

3 attempts are left.\
""")


@pytest.mark.parametrize(
    ("kind", "message", "source", "advice"),
    [
        ("NameError", "name 'x' is not defined", "x", "Define it first, or use a name that exists."),
        ("NameError", "name 'json' is not defined", "json.loads(x)", "Import it first: `import json`."),
        ("NameError", "name 'serch' is not defined", "serch('x')", "Similar names that exist: `search`."),
        ("ModuleNotFoundError", "No module named 'scipy'", "import scipy", "Packages cannot be installed here."),
        ("ImportError", "No module named 'search'", "from tools import search", "`search` is a tool: it exists already."),
        ("TypeError", "'coroutine' object is not subscriptable", "fetch('u')[0]", "An async call needs `await`: `await fetch(...)`."),
        ("RuntimeError", "asyncio.run() cannot be called from a running event loop", "", "Use `await` at the top level"),
        ("KeyError", "'name'", "row['name']", "Look at the value before you use it"),
        ("IndexError", "list index out of range", "rows[5]", "Look at the value before you use it"),
        ("IndentationError", "unexpected indent", "  x", "Send the whole block again, corrected."),
        ("MemoryError", "", "x * 10**12", "Work in smaller pieces"),
        ("SessionDied", "The interpreter was killed.", "", "Work in smaller pieces"),
        ("EOFError", "EOF when reading a line", "input()", "nobody to answer"),
        ("SystemExit", "0", "exit(0)", "Do not end the interpreter."),
        ("FileNotFoundError", "data.csv", "open('data.csv')", "The host's files are not here."),
        ("urllib.error.URLError", "refused", "urlopen(u)", "There is no network here."),
        ("socket.gaierror", "Name or service not known", "urlopen(u)", "There is no network here."),
    ],
)  # fmt: skip
def test_the_advice_fits_the_error(kind: str, message: str, source: str, advice: str) -> None:
    assert advice in brief(kind, message, source=source)


def test_an_error_nobody_can_advise_on_stands_for_itself() -> None:
    assert brief("ZeroDivisionError", "division by zero", line=1, source="1 / n", values={"n": "0"}) == snapshot("""\
Repair this ZeroDivisionError on line 1.

Values on that line:
- `n` = 0

2 attempts are left.\
""")


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (5, "5 attempts are left."),
        (2, "2 attempts are left."),
        (1, "This is the last attempt: if it fails too, the run ends."),
    ],
)
def test_the_model_knows_how_many_attempts_are_left(left: int, text: str) -> None:
    assert brief("ValueError", "no", left=left).endswith(text)


def test_an_action_that_did_not_fail_has_no_brief() -> None:
    assert debug_brief(Execution(), tools=TOOLS, attempts_left=3) == ""


def test_everything_in_a_brief_is_bounded() -> None:
    flood = "flood\n" * 1_000_000
    calls = tuple(
        ToolCall(name="search", args={"query": flood, "n": [1] * 10_000}, preview=flood) for _ in range(1_000)
    )
    values = {f"name_{number}": flood for number in range(20)}
    near = tuple(flood for _ in range(20))
    text = brief("TypeError", flood, line=1, source="search(" * 10_000, values=values, near=near, calls=calls)
    assert len(text) < 20_000
    assert "and 980 more" in text


def test_a_call_that_still_runs_is_not_called_failed() -> None:
    running = ToolCall(name="send", ok=False, finished=False, preview="had not returned when the action ended")
    text = brief("ValueError", "bad value", calls=(running,))
    assert "send() -> had not returned" in text
    assert "failed: had not" not in text
