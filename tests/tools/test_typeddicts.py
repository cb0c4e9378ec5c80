from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pydantic
import pytest

from lumo_graph.tools import make_toolbox
from lumo_graph.tools.typeddicts import with_readable_typeddicts


class Place(TypedDict):
    city: str
    days: NotRequired[int]


class Trip(TypedDict, total=False):
    places: list[Place]


class Tree(TypedDict):
    name: str
    branches: "list[Tree]"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Place, {"city": "Rome"}),
        (Trip, {}),
        (Trip, {"places": [{"city": "Rome", "days": 2}]}),
        (list[Place] | None, [{"city": "Rome"}]),
        (dict[str, Annotated[Place, "where"]], {"a": {"city": "Rome"}}),
        (Tree, {"name": "a", "branches": [{"name": "b", "branches": []}]}),
    ],
)
def test_pydantic_reads_it(hint, value):
    assert pydantic.TypeAdapter(with_readable_typeddicts(hint)).validate_python(value) == value


def test_keys_stay_required():
    with pytest.raises(pydantic.ValidationError, match="city"):
        pydantic.TypeAdapter(with_readable_typeddicts(Trip)).validate_python({"places": [{}]})


@pytest.mark.parametrize("hint", [int, Any, list[int], int | None, Literal["a"], Annotated[int, "n"]], ids=str)
def test_a_type_without_one_is_left_alone(hint):
    assert with_readable_typeddicts(hint) is hint


def test_a_tool_may_take_and_return_one():
    def visit(place: Place) -> Trip:
        return {"places": [place]}

    toolbox = make_toolbox([visit])
    [spec] = toolbox.specs
    assert spec.parameters[0].description == "Keys: {city: str, days?: int}"
    assert spec.doc == "Keys of the result: {places?: list[{city: str, days?: int}]}"
    assert toolbox.call("visit", {"place": {"city": "Rome"}}).value == {"places": [{"city": "Rome"}]}
