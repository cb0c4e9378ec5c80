import functools
import math
from collections.abc import Callable
from typing import Annotated, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.functions import name_of, tool_from_callable


def search(query: str, limit: int = 10) -> str:
    """Find pages.

    Args:
        query: what to look for
    """
    return query * limit


async def fetch(url):
    return url


class SearchHTTPIndex:
    """An index."""

    def __init__(self, prefix="_"):
        self.prefix = prefix

    def __call__(self, query: str) -> str:
        """Look it up."""
        return self.prefix + query

    def lookup(self, query: str, config: RunnableConfig) -> str:
        return self.prefix + query + str(config["configurable"]["n"])


class AsyncCall:
    async def __call__(self, query: str) -> str:
        return query


def test_a_function_is_a_tool_with_described_parameters():
    tool = tool_from_callable(search)
    assert tool.name == "search"
    assert tool.description == "Find pages."
    assert tool.args["query"] == {"description": "what to look for", "title": "Query", "type": "string"}
    assert tool.invoke({"query": "a", "limit": 2}) == "aa"


def test_a_function_without_docstring_and_annotations_is_a_tool():
    tool = tool_from_callable(fetch)
    assert tool.description == ""
    assert tool.func is None
    assert tool.coroutine is fetch
    assert tool.args == {"url": {"title": "Url"}}


def test_a_bound_method_gets_the_config_and_hides_it():
    tool = tool_from_callable(SearchHTTPIndex().lookup)
    assert list(tool.args) == ["query"]
    assert tool.invoke({"query": "a"}, {"configurable": {"n": 1}}) == "_a1"


def test_an_object_with_call_is_named_after_its_class():
    tool = tool_from_callable(SearchHTTPIndex())
    assert tool.name == "search_http_index"
    assert tool.description == "Look it up."
    assert tool.invoke({"query": "a"}) == "_a"
    assert tool_from_callable(AsyncCall()).func is None


def test_what_a_partial_binds_is_hidden_and_cannot_be_overridden():
    def call(query: str, api_key: str, limit: int = 3) -> str:
        return f"{query} {api_key} {limit}"

    tool = tool_from_callable(functools.partial(call, api_key="secret"))
    assert list(tool.args) == ["query", "limit"]
    assert tool.invoke({"query": "a"}) == "a secret 3"
    assert tool_from_callable(functools.partial(fetch)).coroutine is not None


def test_descriptions_and_defaults_come_from_annotated_and_field_too():
    def run(a: Annotated[int, "how many"], b: int = Field(default=2, description="how deep", ge=1)) -> int:
        return a + b

    tool = tool_from_callable(run)
    assert tool.args["a"]["description"] == "how many"
    assert tool.args["b"] == {"default": 2, "description": "how deep", "minimum": 1, "title": "B", "type": "integer"}
    assert tool.invoke({"a": 1}) == 3


def test_a_parameter_may_have_the_name_of_a_method_of_models():
    def run(schema: str, copy: int = 1) -> str:
        return schema * copy

    assert tool_from_callable(run).invoke({"schema": "a", "copy": 2}) == "aa"


def varargs(*queries: str): ...


def kwargs(**fields: str): ...


def generator():
    yield 1


async def async_generator():
    yield 1


def unresolved(a: "Nowhere"): ...  # noqa: F821 - that is the point


def unreadable(a: functools.partial): ...


def private(_a: int): ...


class OldStyle(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a: a, "is a lambda"),
        (varargs, "takes \\*queries"),
        (kwargs, "takes \\*\\*fields"),
        (generator, "generator function"),
        (async_generator, "generator function"),
        (math.sqrt, "positional-only"),
        (unresolved, "cannot be resolved: name 'Nowhere' is not defined"),
        (unreadable, "cannot be read as data"),
        (private, "leading underscore"),
        (getattr, "cannot be read|positional-only"),
    ],
    ids=lambda value: getattr(value, "__name__", "message"),
)
def test_a_function_that_cannot_be_called_with_named_data_is_refused(function, message):
    with pytest.raises(ConfigurationError, match=message):
        tool_from_callable(function)


def test_a_function_of_functions_keeps_its_name():
    assert name_of(functools.partial(functools.partial(search), limit=1)) == "search"


def test_a_callable_parameter_is_accepted_here_and_refused_where_schemas_are_made():
    def run(act: Callable[[], int]) -> int:
        return act()

    assert tool_from_callable(run).name == "run"
