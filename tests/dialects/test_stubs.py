import ast

import pytest
from inline_snapshot import snapshot

from lumo_graph.dialects import render_stub
from lumo_graph.dialects.stubs import render_stubs, summary_of
from lumo_graph.types import Parameter, ToolSpec

SEARCH = ToolSpec(
    name="search",
    doc="Search the web.\n\nReturns the best results first.",
    parameters=(
        Parameter(name="query", annotation="str", description="What to look for."),
        Parameter(name="topic", annotation='Literal["news", "any"]', default='"any"'),
        Parameter(name="top", annotation="int", default="5", keyword_only=True, description="How many\n  results."),
    ),
    returns="list[dict[str, Any]]",
)


def test_a_tool_reads_as_a_typed_function() -> None:
    assert render_stub(SEARCH) == snapshot('''\
def search(query: str, topic: Literal["news", "any"] = "any", *, top: int = 5) -> list[dict[str, Any]]:
    """Search the web.

    Returns the best results first.

    Args:
        query: What to look for.
        top: How many results.
    """
    ...\
''')


def test_an_async_tool_without_a_description_is_one_line() -> None:
    assert render_stub(ToolSpec(name="ping", is_async=True, returns="None")) == snapshot(
        "async def ping() -> None: ..."
    )


def test_a_long_signature_has_one_parameter_a_line() -> None:
    names = ("first_name", "second_name", "third_name", "fourth_name")
    spec = ToolSpec(
        name="long", doc="Long.", parameters=tuple(Parameter(name=it, annotation="dict[str, int]") for it in names)
    )
    assert render_stub(spec) == snapshot('''\
def long(
    first_name: dict[str, int],
    second_name: dict[str, int],
    third_name: dict[str, int],
    fourth_name: dict[str, int],
) -> Any:
    """Long."""
    ...\
''')


def test_parameters_that_the_description_explains_are_not_explained_twice() -> None:
    spec = ToolSpec(
        name="f",
        doc="Do it.\n\nArgs:\n    a: as it says.",
        parameters=(Parameter(name="a", description="other words"),),
    )
    assert "other words" not in render_stub(spec)


@pytest.mark.parametrize(
    "spec",
    [
        SEARCH,
        ToolSpec(name="f", doc='Quotes """ and \\ and ``` in it, and "at the end"'),
        ToolSpec(name="f", doc="\\"),
        ToolSpec(name="f", doc="Long. " * 10_000, returns="int\n| str"),
        ToolSpec(name="f", parameters=(Parameter(name="a", keyword_only=True), Parameter(name="b", default="1"))),
    ],
    ids=["tool", "quotes", "backslash", "long", "keyword-only first"],
)
def test_a_stub_is_valid_python_and_bounded(spec: ToolSpec) -> None:
    stub = render_stub(spec)
    ast.parse(stub)
    assert "```" not in stub
    assert len(stub) < 10_000


@pytest.mark.parametrize(
    ("count", "doc", "kept"),
    [
        (20, "Words. " * 100, "Words. Words."),
        (300, "First line.\n" + "More words. " * 100, "# First line."),
        (1_000, "word " * 100, "def tool_7(query: str) -> Any: ..."),
        (5_000, "", "characters left out"),
    ],
    ids=["everything fits", "first lines fit", "signatures fit", "nothing fits"],
)
def test_a_long_list_of_tools_is_told_as_fully_as_fits(count: int, doc: str, kept: str) -> None:
    parameters = (Parameter(name="query", annotation="str"),)
    text = render_stubs([ToolSpec(name=f"tool_{number}", doc=doc, parameters=parameters) for number in range(count)])
    assert len(text) <= 60_000
    assert kept in text
    assert "tool_0" in text


def test_the_summary_is_the_first_line() -> None:
    assert summary_of(SEARCH) == "Search the web."
    assert summary_of(ToolSpec(name="f")) == ""
