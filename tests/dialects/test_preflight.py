"""The check before an action. Nothing it refuses may be able to succeed: the tables and the random programs say so."""

import ast
import asyncio
import inspect
import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumo_graph.dialects import check_action
from lumo_graph.dialects.syntax import NOT_RUN
from lumo_graph.types import Parameter, ToolSpec

TOOLS = (
    ToolSpec(
        name="search",
        parameters=(Parameter(name="query", annotation="str"), Parameter(name="limit", annotation="int", default="10")),
        returns="list[str]",
    ),
    ToolSpec(name="save", parameters=(Parameter(name="text"), Parameter(name="path", keyword_only=True))),
    ToolSpec(name="now"),
    ToolSpec(name="fetch", parameters=(Parameter(name="url"),), is_async=True),
)
VARIABLES = {"rows": "list (3)", "none": "list (0)", "total": "12", "np": "module numpy", "clean": "def clean(x)"}


def check(code, variables=VARIABLES, tools=TOOLS, **more):
    return check_action(code, variables=variables, tools=tools, **more)


@pytest.mark.parametrize(
    ("code", "kind", "line", "words"),
    [
        pytest.param("search('a')\nx = = 1", "SyntaxError", 2, "invalid syntax", id="no Python"),
        pytest.param("if True:\nprint(1)", "IndentationError", 2, "expected an indented block", id="indentation"),
        pytest.param("def f():\n    return await fetch(1)", "SyntaxError", 2, "'await' outside", id="await in def"),
        pytest.param("search('a')\nprint(totl)", "NameError", 2, "name 'totl' is not defined", id="name"),
        pytest.param("x = 1\nprint(f'{x} {y!r:>{width}}')", "NameError", 2, "'y'", id="name in an f-string"),
        pytest.param("for q in ['a', 'b']:\n    r = search(q)\n    print(rr)", "NameError", 3, "'rr'", id="in a loop"),
        pytest.param("for row in rows:\n    print(rw)", "NameError", 2, "'rw'", id="in a loop over a variable"),
        pytest.param(
            "xs = {'a': 1}\nfor k, v in xs.items():\n    print(w)", "NameError", 3, "'w'", id="in a loop, too"
        ),
        pytest.param("[w for i in range(3)]", "NameError", 1, "'w'", id="in a comprehension"),
        pytest.param("print([i for i in thing if i])", "NameError", 1, "'thing'", id="what is iterated over"),
        pytest.param("count += 1", "NameError", 1, "'count'", id="added to what is not there"),
        pytest.param("def main():\n    x = 1\n    print(y)\nmain()", "NameError", 3, "'y'", id="a called function"),
        pytest.param("async def main():\n    print(y)\nawait main()", "NameError", 2, "'y'", id="an awaited function"),
        pytest.param("if __name__ == '__main__':\n    print(y)", "NameError", 2, "'y'", id="the main guard"),
        pytest.param("class A:\n    x = y", "NameError", 2, "'y'", id="a class body"),
        pytest.param("def f(x=y): pass", "NameError", 1, "'y'", id="a default"),
        pytest.param("@y\ndef f(): pass", "NameError", 1, "'y'", id="a decorator"),
        pytest.param("with open('f') as file:\n    print(y)", "NameError", 2, "'y'", id="a file"),
        pytest.param("try:\n    print(y)\nfinally:\n    now()", "NameError", 2, "'y'", id="try without handlers"),
        pytest.param("plot(data=data)", "NameError", 1, "'data'", id="a keyword is no name"),
        pytest.param("final_answer(y)", "NameError", 1, "'y'", id="the answer itself"),
        pytest.param("print(json.dumps(1))", "NameError", 1, "'json'", id="a module that was not imported"),
        pytest.param("now()\nsearch()", "TypeError", 2, "missing a required argument: 'query'", id="missing"),
        pytest.param("search('a', 1, 2)", "TypeError", 1, "too many positional arguments", id="too many"),
        pytest.param("search('a', top=1)", "TypeError", 1, "unexpected keyword argument 'top'", id="unexpected"),
        pytest.param("search('a', query='b')", "TypeError", 1, "multiple values", id="twice"),
        pytest.param("save('a', 'b')", "TypeError", 1, "Usage: save(text: Any, *, path: Any) -> Any", id="by name"),
        pytest.param("print([search(q, n=1) for q in 'ab'])", "TypeError", 1, "'n'", id="in a comprehension, a call"),
        pytest.param("await fetch()", "TypeError", 1, "missing a required argument: 'url'", id="an awaited call"),
        pytest.param("fetch('a')\nprint('done')", "RuntimeError", 1, "write `await fetch(...)`", id="dropped"),
        pytest.param("x = fetch('a') + 1", "TypeError", 1, "write `await fetch(...)`", id="calculated with"),
        pytest.param("x = fetch('a')['k']", "TypeError", 1, "not subscriptable", id="subscripted"),
        pytest.param("x = fetch('a').text", "AttributeError", 1, "no attribute 'text'", id="attribute"),
        pytest.param("for x in fetch('a'): pass", "TypeError", 1, "not iterable", id="iterated over"),
        pytest.param("await [fetch('a'), fetch('b')]", "TypeError", 1, "asyncio.gather", id="a list is awaited"),
        pytest.param("await 5", "TypeError", 1, "object int can't be awaited", id="a number is awaited"),
    ],
)
def test_what_is_certain_to_fail_is_refused(code, kind, line, words):
    error = check(code)
    assert error is not None
    assert (error.kind, error.line) == (kind, line)
    assert words in error.message
    assert error.source == code.splitlines()[line - 1].strip()
    assert error.message.endswith(NOT_RUN)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("if 'x' in globals():\n    print(x)", id="guarded by globals"),
        pytest.param("x if 'x' in dir() else 0", id="guarded by dir"),
        pytest.param("'x' in dir() and x", id="guarded by and"),
        pytest.param("try:\n    x\nexcept NameError:\n    x = 1", id="guarded by except"),
        pytest.param("try:\n    y\nexcept Exception as error:\n    print(error)", id="caught"),
        pytest.param("import contextlib\nwith contextlib.suppress(NameError):\n    print(y)", id="suppressed"),
        pytest.param("exec('y = 1')\nprint(y)", id="exec"),
        pytest.param("globals()['y'] = 1\nprint(y)", id="globals"),
        pytest.param("from math import *\nprint(pi)", id="a star import"),
        pytest.param("import sympy\nsympy.var('x y')\nprint(x + y)", id="sympy injects"),
        pytest.param("import builtins\nbuiltins.y = 1\nprint(y)", id="builtins"),
        pytest.param("def later():\n    return helper(1)", id="a function that is not called"),
        pytest.param("f = lambda: helper(1)", id="a lambda"),
        pytest.param("class A:\n    def f(self):\n        return helper(1)", id="a method"),
        pytest.param("def f(x: Missing) -> Missing: ...\nz: Missing = 1", id="annotations"),
        pytest.param("def f():\n    yield y\ng = f()", id="a generator that is not started"),
        pytest.param("async def f():\n    y\nf", id="an async function that is not awaited"),
        pytest.param("g = (y for _ in range(3))", id="a generator expression"),
        pytest.param("if total > 100:\n    print(y)", id="a branch"),
        pytest.param("for row in none:\n    print(y)", id="a loop over nothing"),
        pytest.param("for hit in search('a'):\n    print(y)", id="a loop over what is not known"),
        pytest.param("rows.clear()\nfor row in rows:\n    print(y)", id="a loop over what was emptied"),
        pytest.param("other = rows\nother.clear()\nfor row in rows:\n    print(y)", id="emptied by another name"),
        pytest.param("for i in [1]:\n    if now(): break\n    print(y)", id="after a break"),
        pytest.param("def f():\n    if now(): return\n    print(y)\nf()", id="after a return"),
        pytest.param("final_answer(1)\nprint(y)", id="after the answer"),
        pytest.param("if now():\n    final_answer(1)\nprint(y)", id="after a possible answer"),
        pytest.param("def end():\n    final_answer(1)\nend()\nprint(y)", id="after a function that answers"),
        pytest.param("def end():\n    final_answer(1)\nlist(map(lambda n: end(), [1]))\nprint(y)", id="called by map"),
        pytest.param("try:\n    y\nfinally:\n    final_answer(1)", id="an answer in spite of an error"),
        pytest.param("done = final_answer\ndone(1)\nprint(y)", id="an alias of the answer"),
        pytest.param("clean(1)\nprint(y)", id="an earlier function may bind it by global"),
        pytest.param("def f(n):\n    clean(n)\nlist(map(f, 'a'))\nprint(y)", id="an earlier function called by map"),
        pytest.param("def f():\n    global y\n    y = 1\nf()\nprint(y)", id="global"),
        pytest.param("(y := 3)\nprint(y)", id="walrus"),
        pytest.param("[last := i for i in range(3)]\nprint(last)", id="walrus in a comprehension"),
        pytest.param("import os.path as p, sys\nprint(p, sys)", id="imports"),
        pytest.param("from math import pi as y\nprint(y)", id="import from"),
        pytest.param("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(e)", id="except as"),
        pytest.param("match [1, 2]:\n    case [a, *b]: print(a, b)\n    case {'k': v, **c}: print(v, c)", id="match"),
        pytest.param("del total\nprint('ok')", id="del"),
        pytest.param("import enum\nclass E(enum.Enum):\n    A = auto_b", id="a base may bring names"),
        pytest.param("for _ in []: y", id="a loop over an empty list"),
        pytest.param("xs = [1]\nh = lambda: xs.clear()\nh()\nfor x in xs: y", id="emptied by a lambda"),
        pytest.param("while now():\n    print(y)", id="while"),
        pytest.param("__name__, __doc__, __builtins__", id="dunders"),
        pytest.param("ToolError, final_answer", id="given names"),
        pytest.param("total += 1\nprint(np, rows)", id="variables"),
        pytest.param("search(*rows)", id="star arguments"),
        pytest.param("search(**{'query': 'a'})", id="double star arguments"),
        pytest.param("def search(): return 1\nsearch()", id="a tool's name bound by the code"),
        pytest.param("[search() for search in [now]]", id="a tool's name bound in a comprehension"),
        pytest.param("try:\n    search()\nexcept TypeError:\n    pass", id="a wrong call that is caught"),
        pytest.param("page = fetch('a')\nprint(await page)", id="awaited later"),
        pytest.param("import asyncio\nawait asyncio.gather(fetch('a'), fetch('b'))", id="gather"),
        pytest.param("fetch('a')\nfinal_answer(1)", id="dropped before an answer"),
        pytest.param("fetch('a').close()", id="a coroutine is closed"),
        pytest.param("'%s' % fetch('a')\nfinal_answer(1)", id="formatted"),
        pytest.param("re = __import__('re')\nprint(re.sub('\\d', '', 'a'))", id="an invalid escape"),
        pytest.param("x = 'a'\nprint(f'\\{x}', rf'\\d{x}', '\\N{DASH}', b'\\N', '\\400')", id="escapes"),
        pytest.param("x = 1 + \\\r\n  2\r\nprint(x)", id="a continued line with CRLF"),
        pytest.param("x = '\ud800'", id="a lone surrogate"),
        pytest.param("x = " + "-" * 50_000 + "1", id="too deep"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_may_succeed_is_run(code):
    assert check(code) is None


def test_the_error_names_what_exists_and_is_close():
    error = check("subtotal = 1\nprint(totl)")
    assert error is not None
    assert error.near[0] == "total"
    assert check("Search('a')").near[0] == "search"


def test_a_tool_whose_name_is_a_variable_is_not_checked():
    assert check("search()", variables={"search": "def search()"}) is None


def test_names_are_left_alone_where_the_variables_are_not_all_known():
    assert check("print(y)", variables=None) is None
    assert check("print(y)", variables={f"v{n}": "1" for n in range(200)}) is None
    assert check("x = = 1", variables=None) is not None


def test_the_syntax_is_left_to_a_session_with_another_python():
    assert check("x = = 1", same_python=False) is None
    assert check("print(y)", same_python=False) is not None


def test_a_warning_that_this_process_makes_an_error_is_none_of_the_code():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check("x = b'\\u1234' if 1else 2") is None


def library_modules():
    root = Path(sysconfig.get_path("stdlib"))
    skipped = {"site-packages", "test", "tests", "idle_test", "lib2to3", "turtledemo", "__phello__"}
    for path in sorted(root.rglob("*.py")):
        if not skipped & set(path.relative_to(root).parts) and path.stat().st_size < 60_000:
            yield path


def test_no_module_of_the_standard_library_is_refused():
    refused, count = [], 0
    for path in library_modules():
        count += 1
        error = check_action(path.read_text("utf-8"), variables={}, tools=TOOLS)
        if error is not None:
            refused.append((path.name, error.line, error.message))
    assert refused == []
    assert count > 300


# -- random programs -----------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "search", "fetch", "helper", "held"])
INHERITED = {"held": "list (2)", "empty": "list (0)", "helper": "def helper()"}


def expressions(inner):
    return st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} and {p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"[{p[0]}, {p[1]}]"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} < {p[1]} < {p[0]})"),
        st.tuples(NAMES, inner, inner).map(lambda p: f"[{p[1]} for {p[0]} in {p[2]}]"),
        st.tuples(NAMES, inner).map(lambda p: f"({p[0]} := {p[1]})"),
        inner.map(lambda e: f"(lambda: {e})"),
        inner.map(lambda e: f"search({e})"),
        inner.map(lambda e: f"search(query={e})"),
        inner.map(lambda e: f"str({e})"),
        inner.map(lambda e: f"(await fetch({e}))"),
        inner.map(lambda e: f"fetch({e})"),
        inner.map(lambda e: f"len({e})"),
        st.tuples(NAMES, inner).map(lambda p: f"{p[0]}({p[1]})"),
    )


LEAVES = st.one_of(NAMES, st.sampled_from(["0", "1", "'x'", "''", "[]", "[1]", "range(2)", "search()", "empty", "f()"]))
EXPRESSIONS = st.recursive(LEAVES, expressions, max_leaves=4)


def indented(body):
    return "".join(f"    {line}\n" for line in body.splitlines())


def compounds(block):
    body = block.map(indented)
    return st.one_of(
        st.tuples(EXPRESSIONS, body, body).map(lambda p: f"if {p[0]}:\n{p[1]}else:\n{p[2]}"),
        st.tuples(NAMES, EXPRESSIONS, body).map(lambda p: f"for {p[0]} in {p[1]}:\n{p[2]}"),
        st.tuples(body, body).map(lambda p: f"try:\n{p[0]}except Exception:\n{p[1]}"),
        st.tuples(body, body).map(lambda p: f"try:\n{p[0]}finally:\n{p[1]}"),
        st.tuples(st.sampled_from(["f", "g"]), body).map(lambda p: f"def {p[0]}(a=0):\n{p[1]}    return a\n"),
        st.tuples(st.sampled_from(["f", "g"]), body).map(lambda p: f"def {p[0]}():\n    global b\n{p[1]}"),
        body.map(lambda b: f"class C:\n{b}"),
        body.map(lambda b: f"from contextlib import suppress\nwith suppress(Exception):\n{b}"),
    )


SIMPLE = st.one_of(
    EXPRESSIONS.map(lambda e: f"{e}\n"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: f"{p[0]} = {p[1]}\n"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: f"{p[0]} += {p[1]}\n"),
    EXPRESSIONS.map(lambda e: f"final_answer({e})\n"),
    st.sampled_from(["f()\n", "g()\n", "held.clear()\n", "break\n", "continue\n", "return\n", "del a\n", "helper()\n"]),
)
BLOCKS = st.recursive(
    st.lists(SIMPLE, min_size=1, max_size=3).map("".join),
    lambda block: st.lists(st.one_of(block, compounds(block)), min_size=1, max_size=3).map("".join),
    max_leaves=6,
)


class AnsweredError(SystemExit):
    """What giving the final answer raises."""


def succeeds(code):
    """Whether the action ends well in a namespace such as a session has."""
    calls = []

    async def fetch(url):
        return url

    def tracked(url):
        calls.append(fetch(url))
        return calls[-1]

    def search(query, limit=10):
        return [query]

    def final_answer(answer):
        raise AnsweredError

    space = {"search": search, "fetch": tracked, "final_answer": final_answer, "held": [1, 2], "empty": []}
    exec("def helper(*given):\n    global c\n    c = 1\n    if given: final_answer(1)", space)  # noqa: S102 - the point
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        compiled = compile(code, "<action>", "exec", flags)
        result = eval(compiled, space)  # noqa: S307 - programs made here
        if inspect.iscoroutine(result):
            asyncio.run(result)
        return all(inspect.getcoroutinestate(call) != inspect.CORO_CREATED for call in calls)
    except AnsweredError:
        return True
    except Exception:
        return False
    finally:
        for call in calls:
            call.close()


@settings(max_examples=1500, deadline=None)
@given(code=BLOCKS)
def test_what_is_refused_would_have_failed(code):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = check_action(code, variables=INHERITED, tools=TOOLS)
        if error is not None:
            assert not succeeds(code), f"refused with {error}"


# -- imports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import socket",
        "import json, socket",
        "from socket import AF_INET",
        "def f():\n    import socket\nf()",
        "x = 1\nimport os.path",
    ],
)
def test_an_import_that_is_not_allowed_is_refused(code):
    error = check_action(code, variables={}, tools=(), imports=["json", "math"])
    assert error is not None
    assert error.kind == "ImportError"
    assert "Allowed: json, math" in error.message


@pytest.mark.parametrize(
    "code",
    [
        "import json.decoder",
        "from math import pi",
        "try:\n    import socket\nexcept ImportError:\n    socket = None",
        "def f():\n    import socket",
        "if unknown_flag_of_now:\n    import socket",
        "from . import x",
    ],
)
def test_an_import_that_is_allowed_or_may_not_happen_is_not(code):
    variables = {"unknown_flag_of_now": "False"}
    assert check_action(code, variables=variables, tools=(), imports=["json", "math"]) is None


def test_without_a_list_every_import_is_left_to_the_session():
    assert check_action("import no_such_module", variables={}, tools=()) is None
