import pytest
from langchain_core.tools import ToolException

from lumo_graph.mcp.results import RawResult, unwrapped_schema, value_of

WRAPPED = {"type": "object", "properties": {"result": {"type": "integer"}}}


def value(content=None, schema=None, **fields):
    return value_of(RawResult(content=content, **fields), schema)


def text(words):
    return {"type": "text", "text": words}


def test_text_is_itself_and_several_are_lines():
    assert value([text("a")]) == "a"
    assert value([text("a"), text("b")]) == "a\nb"
    assert value([]) == value(None) == value("nonsense") == ""


def test_structured_content_goes_before_text_and_is_unwrapped_where_only_the_protocol_has_wrapped_it():
    assert value([text("{}")], structuredContent={"a": 1}) == {"a": 1}
    assert value([], WRAPPED, structuredContent={"result": 5}) == 5
    assert value([], None, structuredContent={"result": 5}) == {"result": 5}
    assert value([], WRAPPED, structuredContent={"result": 5, "more": 1}) == {"result": 5, "more": 1}
    assert value([], WRAPPED, structuredContent=[1]) == [1]
    assert unwrapped_schema(WRAPPED) == {"type": "integer"}
    assert unwrapped_schema(None) is None


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"type": "image", "data": "AAAA", "mimeType": "image/png"}, "[image: image/png, 3 bytes]"),
        ({"type": "audio", "data": "AA==", "mimeType": "audio/wav"}, "[audio: audio/wav, 1 bytes]"),
        ({"type": "image"}, "[image: unknown, no data]"),
        ({"type": "resource", "resource": {"uri": "file:///a", "text": "hello"}}, "[resource file:///a]\nhello"),
        (
            {"type": "resource", "resource": {"uri": "x://a", "blob": "AAAA", "mimeType": "a/b"}},
            "[resource x://a: a/b, 3 bytes]",
        ),
        ({"type": "resource", "resource": None}, "[resource unknown: unknown, no data]"),
        (
            {"type": "resource_link", "uri": "x://a", "name": "n", "mimeType": "a/b"},
            "[resource x://a: n, a/b]",
        ),
        ({"type": "resource_link"}, "[resource unknown]"),
        ({"type": "text"}, "[text]"),
        ({"type": "\x1b[2Jnew"}, "[new]"),
        ({}, "[unknown]"),
        (7, "[int]"),
    ],
)
def test_what_is_no_text_is_described(part, told):
    assert value([part]) == told


def test_an_error_is_raised_with_what_it_says():
    with pytest.raises(ToolException, match="^no such city$"):
        value([text("no such city")], isError=True, structuredContent={"a": 1})
    with pytest.raises(ToolException, match="says no more"):
        value([], isError=True)
