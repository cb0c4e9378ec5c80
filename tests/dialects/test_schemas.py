import sys

import pytest

from lumo_graph.dialects import answer_arguments, check_answer, response_schema
from lumo_graph.errors import ConfigurationError

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"$ref": "#/$defs/year"}},
    "required": ["name", "born"],
    "$defs": {"year": {"type": "integer", "minimum": 1000}},
}


@pytest.mark.parametrize(
    "given", [PERSON, {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}]
)
def test_a_schema_is_taken_plain_and_as_openai_wraps_it(given):
    assert response_schema(given) == PERSON
    assert check_answer({"name": "Ada", "born": 1815}, given) == ({"name": "Ada", "born": 1815}, None)


@pytest.mark.parametrize("text", ['{"name": "Ada", "born": 1815}', '```json\n{"name": "Ada", "born": 1815}\n```'])
def test_an_answer_may_be_json_in_text(text):
    assert check_answer(text, PERSON)[0] == {"name": "Ada", "born": 1815}


def test_what_is_wrong_is_told_with_its_place():
    answer, problem = check_answer({"born": 12}, PERSON)
    assert answer is None
    assert problem is not None
    assert "- answer: 'name' is a required property" in problem
    assert "- born: 12 is less than the minimum of 1000" in problem


def test_many_problems_are_counted_and_long_values_are_cut():
    _, problem = check_answer(["x" * 10_000] * 50, {"type": "array", "items": {"type": "integer"}})
    assert problem is not None
    assert "and 40 more problems" in problem
    assert len(problem) < 5_000


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "is not a JSON Schema"),
        ({"type": "json_schema"}, "is not a JSON Schema"),
        ({"type": "wish"}, "not a valid JSON Schema"),
        ({"type": "object", "properties": {"x": object()}}, "not a valid JSON Schema"),
    ],
)
def test_what_is_no_schema_is_refused_before_any_work(given, says):
    with pytest.raises(ConfigurationError, match=says):
        response_schema(given)


def test_nothing_is_fetched_for_a_reference():
    with pytest.raises(ConfigurationError, match=r"https://example\.invalid/x\.json"):
        check_answer(1, {"$ref": "https://example.invalid/x.json"})


def test_references_still_lead_to_their_parts_in_the_arguments_of_final_answer():
    arguments = answer_arguments(PERSON)
    assert arguments["$defs"] == PERSON["$defs"]
    assert "$defs" not in arguments["properties"]["answer"]
    assert arguments["required"] == ["answer"]


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ConfigurationError, match=r"lumo-graph\[schema\]"):
        response_schema(PERSON)
