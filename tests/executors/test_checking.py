import pytest

from lumo_graph.executors.checking import parse_call, parse_component, parse_done, parse_text, parse_unsaved
from lumo_graph.executors.frames import FrameError
from lumo_graph.types import Parameter, ToolSpec, Value

TOOLS = {"search": ToolSpec(name="search", parameters=(Parameter(name="q"),))}
NOTHING = {
    "value": None,
    "answer": None,
    "error": None,
    "variables": {},
    "changed": {},
    "threads": [],
    "processes": 0,
    "clock": b"",
}
VALUE = {"kind": "int", "preview": "1", "json": 1}
ERROR = {"kind": "E", "message": "m", "line": 1, "source": "", "traceback": "", "values": {}, "near": []}


def nested(depth):
    data = 1
    for _ in range(depth):
        data = [data]
    return data


def test_a_call_of_the_right_shape_is_taken():
    call = parse_call(["call", 1, 7, "search", {"q": [1]}, 3, True, b"t" * 12, b"c"], TOOLS)
    assert (call.action, call.key, call.name, call.args, call.line) == (1, 7, "search", {"q": [1]}, 3)
    assert (call.trace, call.clock) == (b"t" * 12, b"c")


@pytest.mark.parametrize(
    "message",
    [
        ["call"],
        ["call", 1, 7, "delete", {}, None, True, b"", b""],
        ["call", 1, 7, ["search"], {}, None, True, b"", b""],
        ["call", 1, 7, "search", [], None, True, b"", b""],
        ["call", 1, 7, "search", {1: 2}, None, True, b"", b""],
        ["call", 1, 7, "search", {"extra": 2}, None, True, b"", b""],
        ["call", 1, -7, "search", {}, None, True, b"", b""],
        ["call", True, 7, "search", {}, None, True, b"", b""],
        ["call", 1, 7, "search", {}, "3", True, b"", b""],
        ["call", 1, 7, "search", {"q": nested(200)}, None, True, b"", b""],
        ["call", 1, 7, "search", {}, None, True],
        ["call", 1, 7, "search", {}, None, True, "t" * 12, b""],
        ["call", 1, 7, "search", {}, None, True, b"t" * 13, b""],
        ["call", 1, 7, "search", {}, None, True, b"", [1]],
        ["call", 1, 7, "search", {}, None, True, b"", bytes(100_000)],
    ],
    ids=[
        "short",
        "unknown",
        "no name",
        "list",
        "keys",
        "extra",
        "negative",
        "bool",
        "line",
        "nested",
        "old",
        "text",
        "trace",
        "list of times",
        "times",
    ],
)
def test_a_call_of_another_shape_is_refused(message):
    with pytest.raises(FrameError):
        parse_call(message, TOOLS)


def test_an_end_of_the_right_shape_is_taken():
    done = parse_done(["done", 2, {**NOTHING, "value": VALUE, "error": ERROR, "variables": {"x": "1"}}])
    assert done.value == Value(kind="int", preview="1", json=1)
    assert done.error is not None
    assert done.error.kind == "E"
    assert done.variables == {"x": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {**NOTHING, "more": 1},
        {**NOTHING, "value": 1},
        {**NOTHING, "value": {**VALUE, "kind": None}},
        {**NOTHING, "value": {**VALUE, "preview": "x" * 1_000_000}},
        {**NOTHING, "answer": {**VALUE, "json": b"bytes"}},
        {**NOTHING, "answer": {**VALUE, "json": nested(100)}},
        {**NOTHING, "error": {**ERROR, "near": ["a"] * 100}},
        {**NOTHING, "error": {**ERROR, "near": [1]}},
        {**NOTHING, "error": {**ERROR, "line": "1"}},
        {**NOTHING, "error": {"kind": "E"}},
        {**NOTHING, "variables": {"x": 1}},
        {**NOTHING, "variables": {str(n): "" for n in range(1000)}},
        {**NOTHING, "variables": []},
        {**NOTHING, "changed": {"x": "eaten"}},
        {**NOTHING, "threads": ["t"] * 1000},
        {**NOTHING, "processes": -1},
        {**NOTHING, "clock": None},
        {**NOTHING, "clock": bytes(100_000)},
    ],
    ids=[
        "none", "empty", "more", "number", "kind", "long", "bytes", "nested", "many near", "near", "line", "partial",
        "variable", "many", "list",
        "eaten",
        "many threads",
        "processes below 0", "no times", "many times",
    ],
)  # fmt: skip
def test_an_end_of_another_shape_is_refused(fields):
    with pytest.raises(FrameError):
        parse_done(["done", 1, fields])


@pytest.mark.parametrize(
    ("parse", "message"),
    [
        (parse_component, ["component", "x", "text", True]),
        (parse_component, ["component", 1, b"", True]),
        (parse_component, ["component", "x", b"", 1]),
        (parse_component, ["component", "x"]),
        (parse_unsaved, ["snapped"]),
        (parse_unsaved, ["snapped", {"x": 1}]),
        (parse_text, ["refused"]),
        (parse_text, ["refused", 1]),
    ],
)
def test_parts_of_snapshots_are_checked(parse, message):
    with pytest.raises(FrameError):
        parse(message)
