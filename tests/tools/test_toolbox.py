import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, BaseToolkit, tool

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools import make_toolbox
from lumo_graph.types import Parameter, ToolReply, ToolSpec


@tool
def search(query: str, limit: int = 10) -> list[str]:
    """Find pages.

    Args:
        query: what to look for
    """
    return [query] * limit


async def fetch(url: str) -> dict[str, int]:
    """Fetch a page."""
    return {url: 200}


class Sub(BaseTool):
    name: str = "sub"
    description: str = ""

    def _run(self) -> int:
        return 1


class Kit(BaseToolkit):
    def get_tools(self):
        return [Sub()]


def test_tools_and_functions_become_one_kind_of_thing():
    toolbox = make_toolbox([search, fetch, Sub()])
    assert toolbox.specs == (
        ToolSpec(
            name="search",
            doc="Find pages.",
            parameters=(
                Parameter(name="query", annotation="str", description="what to look for"),
                Parameter(name="limit", annotation="int", default="10"),
            ),
            returns="list[str]",
        ),
        ToolSpec(
            name="fetch",
            doc="Fetch a page.",
            parameters=(Parameter(name="url", annotation="str"),),
            returns="dict[str, int]",
            is_async=True,
        ),
        ToolSpec(name="sub", returns="int"),
    )
    assert list(toolbox.tools) == ["search", "fetch", "sub"]
    assert toolbox.tools["search"] is search


def test_both_ways_to_call_give_the_same_reply():
    toolbox = make_toolbox([search])
    assert toolbox.call("search", {"query": "a", "limit": "2"}) == ToolReply(value=["a", "a"])


@pytest.mark.anyio
async def test_an_async_caller_gets_the_same_reply():
    toolbox = make_toolbox([search, fetch])
    assert await toolbox.acall("search", {"query": "a", "limit": 1}) == ToolReply(value=["a"])
    assert await toolbox.acall("fetch", {"url": "u"}) == ToolReply(value={"u": 200})
    assert (await toolbox.acall("fetsh", {})).error == "There is no tool named 'fetsh'. Did you mean 'fetch'?"


def test_an_unknown_tool_is_a_reply():
    assert make_toolbox([]).call("search", {}) == ToolReply(
        error="There is no tool named 'search'. There are no tools.", error_type="NameError"
    )


def named(name):
    renamed = Sub()
    renamed.name = name
    return renamed


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        (search, "tools must be a list"),
        ("search", "tools must be a list"),
        (["search"], "'search' is not a tool"),
        ([{"type": "function"}], "is not a tool"),
        ([Sub], r"is a class. Pass an instance: Sub\(...\)"),
        ([Kit()], r"'Kit' is a toolkit"),
        ([RunnableLambda(len)], "'RunnableLambda' is a runnable, not a tool"),
        ([lambda a: a], "is a lambda"),
        ([search, search], "Two tools are named 'search'"),
        ([named("web-search")], "'web-search' is not a Python name.*'web_search'"),
        ([named("class")], "Python keyword"),
        ([named("final_answer")], "reserved"),
        ([print], "'print' is the name of a Python builtin"),
    ],
    ids=["alone", "text", "name", "dict", "class", "toolkit", "runnable", "lambda", "twice", "dash", "keyword",
         "reserved", "builtin"],
)  # fmt: skip
def test_what_cannot_be_a_tool_is_refused_before_any_work(tools, message):
    with pytest.raises(ConfigurationError, match=message):
        make_toolbox(tools)


def test_a_cap_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="max_result_bytes"):
        make_toolbox([], max_result_bytes=0)


def test_a_huge_name_from_a_session_is_cut():
    toolbox = make_toolbox([search])
    assert len(toolbox.call("x" * 10**7, {}).error) < 200
    assert len(toolbox.call("search", {"x" * 10**7: 1}).error) < 250
