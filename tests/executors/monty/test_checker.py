"""The check of types that Monty brings: what it is sure of comes before any effect."""

import pytest

from lumo_graph.executors import MontyExecutor
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec

TOOLS = (
    ToolSpec(
        name="search",
        parameters=(
            Parameter(name="query", annotation="str"),
            Parameter(name="limit", annotation="int", default="10"),
            Parameter(name="odd", annotation="class of something", default="None", keyword_only=True),
        ),
        returns="list[dict[str, Any]]",
    ),
    ToolSpec(name="fetch", parameters=(Parameter(name="url", annotation="str"),), returns="str", is_async=True),
)


@pytest.fixture(scope="module")
def session():
    session = MontyExecutor(type_check=True).open(tools=TOOLS, limits=Limits())
    session.execute("count = 3\nbest = None", seconds=30, serve=lambda _: ToolReply())
    yield session
    session.close()


def execute(session, code):
    served = []

    def serve(request):
        served.append(request.name)
        return ToolReply(value=[{"title": "a"}])

    return session.execute(code, seconds=30, serve=serve), served


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        pytest.param("search('a')\nsearch('b', limit='ten')", 2, "Expected `int`", id="a tool's argument"),
        pytest.param("search('a')\nx = 'n: ' + 1", 2, "Operator `+`", id="an operator"),
        pytest.param("search('a')\n[1].push(2)", 2, "no attribute `push`", id="an attribute"),
        pytest.param("def f(a): return a\nsearch('a')\nf()", 3, "No argument provided", id="an argument"),
        pytest.param("page = await fetch('a')\npage.title2()", 2, "no attribute `title2`", id="an async tool"),
    ],
)
def test_what_the_checker_is_sure_of_comes_before_any_effect(session, code, line, words):
    done, served = execute(session, code)
    assert (done.error.kind, done.error.line, served) == ("TypeError", line, [])
    assert words in done.error.message
    assert done.error.message.endswith("Nothing of the block was run.")
    assert done.error.source == code.splitlines()[line - 1]
    assert not done.rolled_back
    assert "count" in done.variables


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("best = 'now a text'\nbest.upper()", id="a variable that changes its type"),
        pytest.param("count.upper() if isinstance(count, str) else count", id="a variable of an earlier action"),
        pytest.param("import re\nre.search('a', 'cab').group(0)", id="a part of a union"),
        pytest.param("try:\n    'a' + 1\nexcept TypeError:\n    pass", id="an error that is caught"),
        pytest.param("sum(r['n'] for r in [{'n': 1, 's': 'x'}])", id="a mixed dict"),
        pytest.param("search('a')[0]['title'].upper()", id="what a tool gives"),
        pytest.param("text = '''a\n  b'''\nlen(text)", id="a text of several lines"),
    ],
)
def test_what_works_is_not_refused(session, code):
    done, _ = execute(session, code)
    assert done.error is None, done.error


def test_syntax_is_left_to_the_interpreter(session):
    done, served = execute(session, "search('a')\nx = = 1")
    assert (done.error.kind, done.error.line, served) == ("SyntaxError", 2, [])
