import datetime as dt
from typing import Any

import pandas as pd
import pydantic
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from lumo_graph.tools.functions import tool_from_callable
from lumo_graph.tools.returns import read_result


class Place(pydantic.BaseModel):
    city: str
    days: int = 3


class Opaque:
    pass


def returning(hint):
    def run(): ...

    run.__annotations__["return"] = hint
    return read_result(tool_from_callable(run))


@pytest.mark.parametrize(
    ("hint", "source", "keys"),
    [
        (str, "str", ""),
        (None, "None", ""),
        (Any, "Any", ""),
        (bytes, "bytes", ""),
        (list[int] | None, "list[int] | None", ""),
        (tuple[int, str], "list[int | str]", ""),
        (set[str], "list[str]", ""),
        (dict[int, dict[str, float]], "dict[int, dict[str, float]]", ""),
        (dt.date, "str", ""),
        (Place, "dict", "{city: str, days: int = 3}"),
        (list[Place], "list[dict]", "list[{city: str, days: int = 3}]"),
        (pd.DataFrame, "list[dict[str, Any]]", ""),
        (Opaque, "Any", ""),
        (ToolMessage, "Any", ""),
        ("Nowhere", "Any", ""),
    ],
    ids=str,
)
def test_the_declared_result_is_python_source(hint, source, keys):
    if hint == "Nowhere":
        tool = StructuredTool(name="t", description="", args_schema={}, func=lambda: None)
        tool.func.__annotations__["return"] = hint
        assert read_result(tool) == (source, keys)
    else:
        assert returning(hint) == (source, keys)


def test_an_undeclared_result_is_anything():
    def run(): ...

    assert read_result(tool_from_callable(run)) == ("Any", "")


def test_of_content_and_artifact_the_content_counts():
    def run() -> tuple[str, list[int]]:
        return "a", [1]

    tool = StructuredTool.from_function(run, description="", response_format="content_and_artifact")
    assert read_result(tool) == ("str", "")


def test_a_subclass_declares_it_on_its_method():
    class Sub(BaseTool):
        name: str = "sub"
        description: str = ""

        def _run(self) -> int:
            return 1

    assert read_result(Sub()) == ("int", "")
