import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.utils.function_calling import convert_to_openai_tool

from lumo_graph.mcp.listing import Offer
from lumo_graph.mcp.servers import check_servers
from lumo_graph.mcp.tidying import tidy_parameters, tidy_result, tidy_text
from lumo_graph.mcp.tools import make_tool
from lumo_graph.tools import make_toolbox

(SHELL,) = check_servers([{"command": "sh"}])


def made(schema, result=None):
    """A tool of a schema, as an agent and a provider get it."""
    offer = Offer(name="t", description="", parameters=tidy_parameters(schema), result=tidy_result(result))
    tool = make_tool(offer, "t", SHELL, lambda *_: None)
    convert_to_openai_tool(tool)
    return make_toolbox([tool]).specs[0]


def shown(schema):
    return {parameter.name: (parameter.annotation, parameter.default) for parameter in made(schema).parameters}


def test_an_ordinary_schema_is_kept():
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "days": {"type": "integer", "default": 3, "minimum": 1},
            "unit": {"enum": ["C", "F"], "default": "C"},
        },
        "required": ["city"],
    }
    assert shown(schema) == {"city": ("str", None), "days": ("int", "3"), "unit": ("Literal['C', 'F']", "'C'")}
    assert tidy_parameters(schema).schema["properties"] == schema["properties"]


def test_references_are_followed_once_and_what_refers_to_itself_says_less():
    schema = {
        "type": "object",
        "properties": {
            "tree": {"$ref": "#/$defs/Tree"},
            "point": {"$ref": "#/$defs/Point"},
            "far": {"$ref": "http://x/y"},
        },
        "$defs": {
            "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}, "name": {"type": "string"}}},
            "Point": {"type": "array", "items": {"type": "number"}},
        },
    }
    tidied = tidy_parameters(schema).schema
    assert "$ref" not in json.dumps(tidied)
    assert tidied["properties"]["tree"]["properties"] == {"left": {}, "name": {"type": "string"}}
    assert shown(schema)["point"] == ("list[float] | None", "None")
    assert shown(schema)["far"] == ("Any", "None")


def test_names_that_python_or_a_provider_would_not_take_are_others_and_lead_back():
    names = ["from", "user-id", "user id", "größe", "_config", "x" * 90, "print", ""]
    tidied = tidy_parameters({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    assert sorted(tidied.names.values()) == sorted(names)
    assert all(name.isidentifier() and name.isascii() and len(name) <= 64 for name in tidied.names)
    assert "_config" not in tidied.names


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(None, id="none"),
        pytest.param([], id="a list"),
        pytest.param({"type": "object"}, id="no properties"),
        pytest.param({"properties": []}, id="properties as a list"),
        pytest.param({"properties": {"a": True, "b": None, "c": 5}, "required": [["a"], 5]}, id="no schemas"),
        pytest.param({"properties": {"a": {"$ref": "#/properties/a"}}}, id="itself"),
        pytest.param({"$ref": "#"}, id="the root as itself"),
        pytest.param({"properties": {"a": {"type": "strange", "enum": {}, "items": 5, "anyOf": 7}}}, id="odd keywords"),
        pytest.param({"properties": {"a": {"type": ["string", {}], "default": {"x": [{}]}}}}, id="odd types"),
        pytest.param({"properties": {"a": {"description": 5, "pattern": ["("], "minimum": "x"}}}, id="odd texts"),
        pytest.param(
            {"properties": {"a": {"properties": {"$ref": {}}, "default": {"$ref": None}}}}, id="odd references"
        ),
        pytest.param({"allOf": [5], "properties": {"a": {"allOf": [None]}}}, id="odd unions"),
    ],
)
def test_an_odd_schema_is_a_tool_all_the_same(schema):
    made(schema, schema)


def test_a_schema_that_grows_without_end_when_it_is_read_is_cut():
    many = {"anyOf": [{"$ref": f"#/$defs/D{number}"} for number in range(40)]}
    schema = {
        "type": "object",
        "properties": {f"p{number}": many for number in range(200)},
        "$defs": {
            f"D{number}": {"anyOf": [{"$ref": f"#/$defs/D{other}"} for other in range(40)]} for number in range(40)
        },
    }
    started = time.monotonic()
    assert len(made(schema, schema).parameters) == 100
    assert time.monotonic() - started < 30


def test_a_schema_that_is_deep_or_large_is_cut_and_what_is_required_stays():
    deep = {"type": "string"}
    for _ in range(150):
        deep = {"type": "object", "properties": {"inner": deep}}
    wide = {f"p{number}": {"type": "string", "description": "x" * 5_000} for number in range(500)}
    tidied = tidy_parameters({"properties": {**wide, "deep": deep, "must": {"type": "integer"}}, "required": ["must"]})
    assert tidied.schema["required"] == ["must"]
    assert len(tidied.schema["properties"]) == 100
    assert len(json.dumps(tidied.schema)) < 150_000
    many = {"properties": {"a": {"enum": list(range(100_000)), "default": "x" * 100_000}}}
    assert len(json.dumps(tidy_parameters(many).schema)) < 1_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYWORDS = (
    "type", "properties", "required", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs", "enum", "const", "default",
    "description", "additionalProperties", "prefixItems", "format", "minimum", "pattern", "propertyNames", "title",
)  # fmt: skip
SCHEMAS = st.recursive(
    JSON | st.sampled_from(["string", "object", "array", ["null", "string"], "#", "#/$defs/a", "#/properties/a"]),
    lambda inner: st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_any_json_at_all_is_a_tool(schema, result):
    made({"properties": schema, "$defs": result, "required": ["a"]}, result)
    made(schema, {"properties": {"result": result}})


def test_descriptions_are_readable_and_not_longer_than_they_may_be():
    assert tidy_text("\x1b[31mred\x1b[0m \ud800 a\n\n\n\n\nb" + " " * 50 + "c") == "red � a\n\nb  c"
    assert len(tidy_text("x" * 1_000_000)) == 4_000
    assert tidy_text(5) == tidy_text(None) == ""
