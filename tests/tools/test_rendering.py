import datetime as dt
import json

import pytest

from lumo_graph.tools import preview, reply_text
from lumo_graph.types import ToolReply


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        (None, "null"),
        (1.5, "1.5"),
        ({"a": [1, "é"], 2: None}, '{"a": [1, "é"], "2": null}'),
        (b"caf\xc3\xa9", "café"),
        ({"a": b"\xff\x00"}, '{"a": "/wA="}'),
    ],
)
def test_a_value_is_text_for_a_tool_message(value, text):
    assert reply_text(ToolReply(value=value)) == text


def test_an_error_names_its_class():
    assert reply_text(ToolReply(error="no such row", error_type="ValueError")) == "Error (ValueError): no such row"


def test_data_of_a_reply_can_be_read_back():
    value = [{"a": 1, "b": [True, None]}]
    assert json.loads(reply_text(ToolReply(value=value))) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\n lines", "two lines"),
        ([1, "two\nlines"], "[1, 'two\\nlines']"),
        ({"a": (1, 2), "b": {3}}, "{'a': (1, 2), 'b': {3}}"),
        (None, "None"),
        (b"\x00", "b'\\x00'"),
        (dt.date(2024, 1, 2), "datetime.date(2024, 1, 2)"),
        (object(), "<object>"),
        pytest.param(1 << 100_000, "<int of 100001 bits>", id="huge int"),
        ([], "[]"),
    ],
)
def test_a_preview_is_one_line(value, text):
    assert preview(value) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 10**8, b"x" * 10**8, ["x" * 10**7] * 10, list(range(10**6)), {n: n for n in range(10**5)}, " " * 10**7],
    ids=["str", "bytes", "list of str", "list of int", "dict", "blanks"],
)
def test_a_preview_of_something_huge_is_bounded(value):
    text = preview(value, 50)
    assert len(text) <= 50
    assert text.endswith("…")


def test_a_preview_ends_in_a_cycle_too():
    value = []
    value.append(value)
    assert preview(value) == "[[[[[[[[[…]]]]]]]]]"


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_preview_keeps_a_tiny_limit(limit):
    assert len(preview("long enough", limit)) == limit
