import re

import pytest
from langchain_core.tools import BaseTool

from lumo_graph.cli.loading import load_model, load_tools
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel

TOOLS = '''
import math
from math import sqrt
from pathlib import Path
from langchain_core.tools import tool
from beside import helper

class Shop:
    """A shop."""

    def price(self, item: str) -> float:
        """Price."""
        return 1.0

@tool
def search(query: str) -> str:
    """Search."""
    return query

def double(n: int) -> int:
    """Double."""
    return 2 * n

def _private(n: int) -> int:
    return n

shop = Shop()
everything = [double, search]
nothing = []
mixed = [double, 3]
number = 3
'''


@pytest.fixture
def tools(folder):
    (folder / "shoptools.py").write_text(TOOLS)
    (folder / "beside.py").write_text("def helper(): pass")
    return folder


def names(specs):
    return [tool.name if isinstance(tool, BaseTool) else tool.__name__ for tool in load_tools(specs)]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        pytest.param("shoptools.py", ["search", "double"], id="what a file defines"),
        pytest.param("./shoptools.py:double", ["double"], id="a function of a file"),
        pytest.param("shoptools:search", ["search"], id="a LangChain tool of a module"),
        pytest.param("shoptools:everything", ["double", "search"], id="a list"),
        pytest.param("shoptools:shop.price", ["price"], id="a method"),
        pytest.param("math:sqrt", ["sqrt"], id="a builtin function"),
    ],
)
def test_tools_are_found(tools, spec, found):
    assert names([spec]) == found


def test_several_specs_give_their_tools_in_order(tools):
    assert names(["shoptools.py:double", "math:sqrt"]) == ["double", "sqrt"]


def test_ready_tools_have_names_of_their_own_and_commas_stand_between_several(tools):
    assert names(["duckduckgo,visit-website", "VisitWebsite"]) == [
        "duckduckgo_search",
        "visit_website",
        "visit_website",
    ]
    assert names(["shoptools.py:double, math:sqrt"]) == ["double", "sqrt"]


def test_a_file_with_a_comma_in_its_name_is_one_file(tools, folder):
    (folder / "a,b.py").write_text("def one(): ...")
    assert names(["a,b.py"]) == names(["a,b.py:one"]) == ["one"]


def test_a_ready_tool_without_its_key_names_the_variable(tools, monkeypatch):
    monkeypatch.delenv("EXA_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="set EXA_API_KEY"):
        load_tools(["exa_search"])


def test_no_spec_is_no_tool():
    assert load_tools(()) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("shoptools", "There is no ready tool 'shoptools'. Known are: duckduckgo_search", id="no name"),
        pytest.param("shoptools", "Tools of your own: Write module:name", id="how to name one's own"),
        pytest.param(":x", "Unknown form", id="no module"),
        pytest.param("missing.py", "There is no file 'missing.py'", id="no file"),
        pytest.param(
            "nowhere_to_be_found:x",
            "The module 'nowhere_to_be_found' cannot be loaded: ModuleNotFoundError",
            id="no module of that name",
        ),
        pytest.param(
            "shoptools.py:doubble",
            "There is no 'doubble' in 'shoptools.py:doubble'. It has: Path, Shop, ",
            id="no such name",
        ),
        pytest.param(
            "shoptools:number",
            "'shoptools:number' is not a function and not a LangChain tool but int (3)",
            id="a number",
        ),
        pytest.param("shoptools:Shop", "but the class Shop", id="a class"),
        pytest.param("shoptools:nothing", "is an empty list", id="an empty list"),
        pytest.param("shoptools:mixed", "item 1 of 'shoptools:mixed' is not a function", id="a list with a number"),
    ],
)
def test_what_is_no_tool_is_said(tools, spec, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        load_tools([spec])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("x = 1 / 0", "ZeroDivisionError: division by zero (", id="raises"),
        pytest.param("def f(:", "SyntaxError", id="is no Python"),
        pytest.param(
            "from math import sqrt",
            "no public function and no LangChain tool in 'bad.py'. It has: sqrt",
            id="only imports",
        ),
        pytest.param("", "It has: nothing", id="is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(folder, source, message):
    (folder / "bad.py").write_text(source)
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        load_tools(["bad.py"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["models.py:words", "models.py:make"])
def test_a_model_comes_from_a_file(folder, spec):
    assert isinstance(load_model(spec), ScriptedModel)


@pytest.mark.parametrize("name", ["openai:gpt-4.1-nano", "no-provider", "openai:model.py"])
def test_a_name_of_a_model_is_left_to_its_provider(name):
    assert load_model(name) == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("models.py:CODE", "'models.py:CODE' is not a LangChain chat model but str (", id="text"),
        pytest.param("models.py:broken", "The function 'broken' in 'models.py' failed: ZeroDivisionError", id="raises"),
        pytest.param("models.py:wordz", "There is no 'wordz'", id="no such name"),
        pytest.param("nowhere.py:x", "There is no file 'nowhere.py'", id="no file"),
    ],
)
def test_what_is_no_model_is_said(folder, spec, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        load_model(spec)
