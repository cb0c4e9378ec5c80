import math

import pytest

from lumo_graph.tools.schemas import annotation_of, constraints_of, shape_of, source_of

DEFS = {
    "$defs": {
        "Color": {"enum": ["red", "blue"], "type": "string"},
        "Place": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "its\n name"},
                "days": {"type": "integer", "default": 3, "minimum": 1},
                "color": {"$ref": "#/$defs/Color"},
            },
            "required": ["city"],
        },
        "Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
    }
}
PLACE = {"$ref": "#/$defs/Place"}
STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "source"),
    [
        (STRING, "str"),
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "float"),
        ({"type": "boolean"}, "bool"),
        ({"type": "null"}, "None"),
        ({}, "Any"),
        (True, "Any"),
        ({"type": "string", "format": "binary"}, "bytes"),
        ({"type": "array"}, "list"),
        ({"type": "array", "items": {}}, "list"),
        ({"type": "array", "items": STRING}, "list[str]"),
        ({"type": "array", "prefixItems": [STRING, {"type": "integer"}]}, "tuple[str, int]"),
        ({"items": STRING}, "list[str]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object", "additionalProperties": False}, "dict"),
        ({"anyOf": [{"type": "null"}, STRING]}, "str | None"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"oneOf": [STRING, STRING]}, "str"),
        ({"anyOf": [STRING, {}]}, "Any"),
        ({"const": "a"}, "Literal['a']"),
        ({"enum": ["a", 1, None]}, "Literal['a', 1, None]"),
        ({"enum": list(range(41)), "type": "integer"}, "int"),
        ({"$ref": "#/$defs/Color"}, "Literal['red', 'blue']"),
        ({"allOf": [{"$ref": "#/$defs/Color"}], "default": "red"}, "Literal['red', 'blue']"),
        (PLACE, "dict"),
        ({"type": "array", "items": PLACE}, "list[dict]"),
        ({"$ref": "#/$defs/Nowhere"}, "Any"),
        ({"$ref": "https://example.com/schema.json"}, "Any"),
        ({"$ref": "#/$defs/Tree"}, "list[list[list[list[list[list[list]]]]]]"),
        ({"type": "made-up"}, "Any"),
    ],
)
def test_a_schema_is_python_source(schema, source):
    assert annotation_of(schema, DEFS) == source


def test_the_keys_of_a_dict_are_spelled_out_with_their_descriptions():
    shape = "{city: str (its name), days: int = 3 (at least 1), color?: Literal['red', 'blue']}"
    assert shape_of(PLACE, DEFS) == shape
    assert shape_of({"anyOf": [{"type": "array", "items": PLACE}, {"type": "null"}]}, DEFS) == f"list[{shape}] | None"


def test_a_type_without_known_keys_has_no_shape():
    assert shape_of({"type": "object"}, DEFS) == ""


def test_a_shape_is_bounded():
    wide = {"type": "object", "properties": {f"column_{n}": STRING for n in range(500)}}
    assert len(shape_of(wide, {})) == 1000


def test_a_tuple_in_a_result_is_a_list():
    schema = {"type": "array", "prefixItems": [STRING, {"type": "integer"}]}
    assert annotation_of(schema, {}, as_result=True) == "list[str | int]"


def test_what_is_asked_beyond_the_type_is_said():
    assert constraints_of({"type": "integer", "minimum": 1, "maximum": 5}, {}) == "at least 1, at most 5"
    assert constraints_of({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, {}) == "ISO 8601 date"
    assert constraints_of({"type": "string", "pattern": "^a"}, {}) == "matches '^a'"
    assert constraints_of({"anyOf": [{"type": "integer", "minimum": 1}, STRING]}, {}) == ""


@pytest.mark.parametrize("value", [1, "it's", None, True, 1.5, [1, "a"], {"a": [None]}])
def test_source_of_data_evaluates_to_the_data(value):
    assert eval(source_of(value), {}) == value  # noqa: S307 - our own output


def test_source_of_what_is_no_number_evaluates_too():
    assert math.isnan(eval(source_of(math.nan), {}))  # noqa: S307 - our own output
    assert eval(source_of(-math.inf), {}) == -math.inf  # noqa: S307 - our own output


def test_a_union_that_is_inside_itself_says_nothing_and_has_an_end():
    root = {
        "$defs": {
            "A": {"anyOf": [{"$ref": "#/$defs/A"}] * 50},
            "B": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/B"}]},
        }
    }
    assert annotation_of({"$ref": "#/$defs/A"}, root) == "Any"
    assert annotation_of({"$ref": "#/$defs/B"}, root) == "Any"
    assert constraints_of({"$ref": "#/$defs/A"}, root) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": 5}, {"allOf": [5]}, {"allOf": 5}, {"enum": "abc"}, {"type": [{}, 5]}, {"prefixItems": {}},
        {"type": "object", "properties": [], "required": 5},
        {"type": "object", "properties": {"a": 5}, "required": [[]]},
    ],
)  # fmt: skip
def test_a_schema_that_is_none_says_nothing_and_breaks_nothing(schema):
    assert isinstance(annotation_of(schema, schema), str)
    assert isinstance(shape_of(schema, schema), str)
    assert isinstance(constraints_of(schema, schema), str)
