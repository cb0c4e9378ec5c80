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


@pytest.mark.parametrize("to", ["https://example.invalid/x.json", "#/$defs/gone", "#anchor", "other.json#/x"])
@pytest.mark.parametrize("where", ["root", "below"])
def test_a_reference_to_what_is_not_there_is_refused_before_any_work_and_nothing_is_fetched(to, where):
    given = {"$ref": to} if where == "root" else {"properties": {"x": {"items": {"anyOf": [True, {"$ref": to}]}}}}
    with pytest.raises(ConfigurationError, match="which is not in it") as error:
        response_schema(given)
    assert repr(to) in str(error.value)


def test_references_within_a_schema_are_followed_as_its_dialect_has_it():
    given = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.invalid/root.json",
        "properties": {"$ref": {"type": "integer"}, "x": {"$ref": "part.json"}},
        "definitions": {
            "part": {"$id": "part.json", "allOf": [{"$ref": "root.json#/definitions/year"}]},
            "year": {"minimum": 3},
        },
    }
    assert response_schema(given) == given


def test_a_schema_that_refers_to_itself_without_end_is_refused():
    with pytest.raises(ConfigurationError, match="without end"):
        response_schema({"$ref": "#"})


def test_an_answer_that_is_nested_too_deeply_is_the_models_to_mend():
    answer = 1
    for _ in range(5_000):
        answer = [answer]
    assert check_answer(answer, {"items": {"$ref": "#"}}) == (None, "It is nested too deeply to be checked.")


def test_references_still_lead_to_their_parts_in_the_arguments_of_final_answer():
    arguments = answer_arguments(PERSON)
    assert arguments["$defs"] == PERSON["$defs"]
    assert "$defs" not in arguments["properties"]["answer"]
    assert arguments["required"] == ["answer"]


def test_a_reference_to_the_whole_leads_to_the_answer_and_not_to_the_arguments_around_it():
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "name": {"$ref": "#/$defs/name"}, "$ref": True},
            "$defs": {"name": {"type": "string"}, "other": {"$ref": "#/properties/name"}}}  # fmt: skip
    arguments = answer_arguments(response_schema(tree))
    assert arguments["properties"]["answer"]["properties"] == {
        "left": {"$ref": "#/properties/answer"}, "name": {"$ref": "#/$defs/name"}, "$ref": True,
    }  # fmt: skip
    assert arguments["$defs"]["other"] == {"$ref": "#/properties/answer/properties/name"}


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ConfigurationError, match=r"lumo-graph\[schema\]"):
        response_schema(PERSON)
