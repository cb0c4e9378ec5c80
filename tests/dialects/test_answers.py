from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from lumo_graph.dialects import check_answer, literal_answer, response_schema
from lumo_graph.errors import ConfigurationError


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    born: date
    shape: tuple[int, int]


class Aliased(BaseModel):
    full_name: str = Field(alias="fullName")


@dataclass
class Point:
    x: float
    y: float


class Row(TypedDict):
    city: str
    people: int


ADA = {"name": "Ada", "age": 36}


def test_any_type_has_a_schema() -> None:
    assert response_schema(Person) == snapshot(
        {
            "properties": {
                "name": {"title": "Name", "type": "string"},
                "age": {"minimum": 0, "title": "Age", "type": "integer"},
            },
            "required": ["name", "age"],
            "title": "Person",
            "type": "object",
        }
    )
    assert response_schema(list[int]) == {"items": {"type": "integer"}, "type": "array"}
    assert response_schema(None) is None


@pytest.mark.parametrize(
    ("value", "response_format", "checked"),
    [
        ({"anything": [1]}, None, {"anything": [1]}),
        (ADA, Person, ADA),
        ({"name": "Ada", "age": "36"}, Person, ADA),
        ('{"name": "Ada", "age": 36}', Person, ADA),
        ('Here:\n```json\n{"name": "Ada", "age": 36}\n```', Person, ADA),
        ({"born": "1815-12-10", "shape": [1, 2]}, Strict, {"born": "1815-12-10", "shape": [1, 2]}),
        ({"fullName": "Ada"}, Aliased, {"fullName": "Ada"}),
        ({"x": 1, "y": 2.5}, Point, {"x": 1.0, "y": 2.5}),
        ([{"city": "Oslo", "people": 7}], list[Row], [{"city": "Oslo", "people": 7}]),
        ("42", int, 42),
        ("42", str, "42"),
        ("yes", Literal["yes", "no"], "yes"),
        (None, int | None, None),
        (b"raw", bytes, "raw"),
    ],
)  # fmt: skip
def test_an_answer_of_the_right_form_becomes_plain_data(value: Any, response_format: Any, checked: Any) -> None:
    assert check_answer(value, response_format) == (checked, None)


def test_a_wrong_answer_is_explained_to_the_model() -> None:
    answer, problem = check_answer({"age": -1}, Person)
    assert answer is None
    assert problem == snapshot("""\
It does not have the form asked for:
- name: Field required
- age: Input should be greater than or equal to 0 (got -1)\
""")


def test_text_that_holds_wrong_json_is_explained_by_its_json() -> None:
    assert check_answer('{"name": "Ada", "age": "old"}', Person)[1] == snapshot("""\
It does not have the form asked for:
- age: Input should be a valid integer, unable to parse string as an integer (got 'old')\
""")


def test_text_without_json_is_explained_as_text() -> None:
    assert check_answer("Ada is 36.", Person)[1] == snapshot("""\
It does not have the form asked for:
- answer: Input should be an object (got 'Ada is 36.')\
""")


def test_the_explanation_is_bounded() -> None:
    _, problem = check_answer([{"name": ["x" * 100_000], "age": "y" * 100_000}] * 100, list[Person])
    assert problem is not None
    assert len(problem) < 5_000
    assert "and 190 more problems" in problem


def test_bytes_that_json_cannot_hold_are_a_problem_and_not_a_crash() -> None:
    answer, problem = check_answer(b"\xff", bytes)
    assert answer is None
    assert problem is not None
    assert problem.startswith("It cannot be written as JSON")


@pytest.mark.parametrize("response_format", [5, "int", object(), print, {"type": "wish"}, "Unknown"])
def test_what_is_no_type_is_refused(response_format: Any) -> None:
    with pytest.raises(ConfigurationError, match="response_format"):
        response_schema(response_format)
    with pytest.raises(ConfigurationError, match="response_format"):
        check_answer(1, response_format)


def test_a_type_without_a_schema_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        response_schema(Callable[[], int])


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("final_answer(42)", (42, True)),
        ("x = 1\nfinal_answer({'a': [1, None]})\nprint(x)", ({"a": [1, None]}, True)),
        ("final_answer(total)", (None, False)),
        ("final_answer(open('x').read())", (None, False)),
        ("final_answer(1, 2)", (None, False)),
        ("not python (", (None, False)),
        ("(" * 5000, (None, False)),
    ],
    ids=["a number", "data among code", "a name", "a call", "two values", "no code", "too deep"],
)
def test_a_literal_answer_is_read_without_running_the_code(code, read):
    assert literal_answer(code) == read
