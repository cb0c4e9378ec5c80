import dataclasses
import datetime as dt
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pydantic
import pydantic.v1
import pytest
from langchain_core.callbacks import CallbackManagerForToolRun
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, StructuredTool, Tool, tool
from langgraph.prebuilt import ToolRuntime
from typing_extensions import TypedDict

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.functions import tool_from_callable
from lumo_graph.tools.signatures import read_parameters
from lumo_graph.types import Parameter


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(pydantic.BaseModel):
    city: str
    days: int = 3


@dataclasses.dataclass
class Point:
    x: int


class Row(TypedDict, total=False):
    name: str


def shown(function):
    return read_parameters(function if isinstance(function, BaseTool) else tool_from_callable(function)).shown


def rendered(function):
    return [
        f"{'*' if part.keyword_only else ''}{part.name}: {part.annotation}"
        + (f" = {part.default}" if part.default is not None else "")
        for part in shown(function)
    ]


def test_annotations_and_defaults_are_python_source():
    def run(  # noqa: PLR0917 - one of each
        a,
        b: str,
        c: list[int],
        d: dict[str, Any],
        e: Literal["x", "y"],
        f: Color,
        g: dt.datetime,
        h: int | None = None,
        i: float = 1.5,
        j: tuple[int, str] = (1, "a"),
        k: Color = Color.RED,
        l: bytes = b"",  # noqa: E741 - only a name
        m: set[str] = frozenset(),
        *,
        n: bool,
        o: int = None,  # noqa: RUF013 - people write this
    ): ...

    assert rendered(run) == [
        "a: Any",
        "b: str",
        "c: list[int]",
        "d: dict[str, Any]",
        "e: Literal['x', 'y']",
        "f: Literal['red', 'blue']",
        "g: str",
        "h: int | None = None",
        "i: float = 1.5",
        "j: tuple[int, str] = [1, 'a']",
        "k: Literal['red', 'blue'] = 'red'",
        "l: bytes = ''",
        "m: list[str] = []",
        "*n: bool",
        "*o: int | None = None",
    ]


def test_records_are_dicts_whose_keys_the_description_names():
    def run(place: Place, points: list[Point], row: Row | None = None):
        """Run.

        Args:
            place: where to go.
        """

    assert shown(run) == (
        Parameter(name="place", annotation="dict", description="where to go. Keys: {city: str, days: int = 3}"),
        Parameter(name="points", annotation="list[dict]", description="Keys: list[{x: int}]"),
        Parameter(
            name="row", annotation="dict | None", default="None", description="Keys: {name?: str} | None"
        ),
    )  # fmt: skip


def test_what_is_asked_beyond_the_type_is_in_the_description():
    def run(n: Annotated[int, pydantic.Field(ge=1, le=5, description="how many")], day: dt.date): ...

    assert [part.description for part in shown(run)] == ["how many (at least 1, at most 5)", "ISO 8601 date"]


def test_what_langchain_hands_over_is_hidden():
    @tool
    def run(
        a: int,
        config: RunnableConfig,
        call_id: Annotated[str, InjectedToolCallId],
        user: Annotated[str, InjectedToolArg] = "nobody",
        callbacks: Any = None,
    ) -> int:
        """Run."""
        return a

    found = read_parameters(run)
    assert [part.name for part in found.shown] == ["a"]
    assert found.needs_call_id
    assert set(found.keys) == {"a"}


class Subclass(BaseTool):
    name: str = "sub"
    description: str = "A tool.\n\nArgs:\n    a: the number"

    def _run(self, a: int, b: str = "x", run_manager: CallbackManagerForToolRun | None = None) -> str:
        return b * a if run_manager else ""


class AsyncSubclass(BaseTool):
    name: str = "sub"
    description: str = ""

    def _run(self, *args: Any, **kwargs: Any) -> str:
        raise NotImplementedError

    async def _arun(self, a: int, *, b: str = "x") -> str:
        return b * a


def test_a_subclass_is_read_from_its_method():
    assert rendered(Subclass()) == ["a: int", "b: str = 'x'"]
    assert shown(Subclass())[0].description == "the number"
    assert rendered(AsyncSubclass()) == ["a: int", "*b: str = 'x'"]
    assert read_parameters(Subclass()).validated_here


def test_a_json_schema_is_read_with_python_names():
    schema = {
        "type": "object",
        "properties": {
            "page-size": {"type": "integer"},
            "from": {"type": "string", "description": "a place"},
            "order": {"$ref": "#/definitions/Order", "default": "asc"},
        },
        "required": ["from"],
        "definitions": {"Order": {"enum": ["asc", "desc"]}},
    }
    found = read_parameters(StructuredTool(name="t", description="", args_schema=schema, func=lambda **_: None))
    assert found.shown == (
        Parameter(name="from_", annotation="str", description="a place"),
        Parameter(name="page_size", annotation="int | None", default="None"),
        Parameter(name="order", annotation="Literal['asc', 'desc']", default="'asc'"),
    )
    assert found.keys["from_"] == found.keys["from"] == "from"
    assert found.keys["page_size"] == "page-size"
    assert found.unset == {"page_size"}


def test_a_json_schema_may_be_empty():
    assert shown(StructuredTool(name="t", description="", args_schema={}, func=lambda: None)) == ()


class Aliased(pydantic.BaseModel):
    from_: str = pydantic.Field(alias="from")
    rows: list[int] = pydantic.Field(default_factory=list)
    made: str = pydantic.Field(default_factory=lambda: "made")


class Old(pydantic.v1.BaseModel):
    limit: int = 10
    query: str = pydantic.v1.Field(description="what")
    color: Color | None = None


def modelled(schema):
    return StructuredTool(name="t", description="", args_schema=schema, func=lambda **_: None)


def test_a_model_with_aliases_and_factories_is_read():
    assert rendered(modelled(Aliased)) == ["from_: str", "rows: list[int] = []", "made: str | None = None"]
    assert read_parameters(modelled(Aliased)).keys["from_"] == "from"


def test_a_model_of_pydantic_v1_is_read_and_what_is_required_comes_first():
    assert rendered(modelled(Old)) == [
        "query: str",
        "limit: int = 10",
        "color: Literal['red', 'blue'] | None = None",
    ]


def test_a_tool_of_one_text_is_named_after_its_function():
    old = Tool(name="old", func=lambda question: question, description="")
    assert shown(old) == (Parameter(name="question", annotation="str"),)
    assert read_parameters(old).keys["__arg1"] == "tool_input"
    assert shown(Tool(name="old", func=lambda *_: "", description=""))[0].name == "tool_input"


@tool
def wants_runtime(a: int, runtime: ToolRuntime) -> int:
    """Run."""
    return a


@tool
def wants_user(a: int, user: Annotated[str, InjectedToolArg]) -> int:
    """Run."""
    return a


def wants_callable(act: Callable[[], int]): ...


class Variadic(BaseTool):
    name: str = "variadic"
    description: str = ""

    def _run(self, *args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"


def unseen(a: int, secret: str) -> int:
    return a


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wants_runtime, "'runtime' of the tool 'wants_runtime' .* ToolNode"),
        (lambda: wants_user, "'user' of the tool 'wants_user'"),
        (lambda: tool_from_callable(wants_callable), "'wants_callable' cannot be described to a model"),
        (Variadic, r"'variadic' takes \*args or \*\*kwargs"),
        (
            lambda: StructuredTool(name="t", description="", args_schema=Place, func=unseen),
            "'a' of the tool 't'",
        ),
        (
            lambda: modelled({"properties": {"a-b": {}, "a_b": {}}}),
            "one Python name",
        ),
    ],
    ids=["runtime", "injected", "callable", "variadic", "not in the schema", "same name"],
)  # fmt: skip
def test_a_tool_that_nobody_could_call_is_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        read_parameters(make())
