import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import math
import pathlib
import socket
import sys
import types
import uuid
from decimal import Decimal
from fractions import Fraction

import mpmath
import msgpack
import pydantic
import pydantic.v1
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.types import Command

from lumo_graph.tools.plain import NotDataError, TooLargeError, text_of, to_plain

MIB = 1024 * 1024


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    __slots__ = ()


class Place(pydantic.BaseModel):
    city: str
    seen: dt.date | None = None


class OldPlace(pydantic.v1.BaseModel):
    city: str


class Words(pydantic.RootModel[list[str]]):
    pass


@dataclasses.dataclass
class Point:
    x: int
    parts: list[object] = dataclasses.field(default_factory=list)


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024 - the kind that tools return


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (-(2**63), -(2**63)),
        (2**64 - 1, 2**64 - 1),
        (1.5, 1.5),
        ("é", "é"),
        ("\ud800", "\ufffd"),
        (b"\x00", b"\x00"),
        (bytearray(b"a"), b"a"),
        (memoryview(b"abc")[::2], b"ac"),
        ((1, [2, (3,)]), [1, [2, [3]]]),
        ({"b", "a"}, ["a", "b"]),
        (mpmath.mpf("1.5"), 1.5),
        (range(3), [0, 1, 2]),
        (collections.deque([1]), [1]),
        ({"b": 1, "a": 2}.keys(), ["b", "a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (Pair(1, 2), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (Color.RED, "red"),
        (Level.LOW, 1),
        (Name("n"), "n"),
        (Place(city="Rome", seen=dt.date(2024, 1, 2)), {"city": "Rome", "seen": "2024-01-02"}),
        (OldPlace(city="Rome"), {"city": "Rome"}),
        (Words(["a"]), ["a"]),
        (Point(1, [Color.RED]), {"x": 1, "parts": ["red"]}),
        (dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC), "2024-01-02T03:00:00Z"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(hours=1, seconds=2), "PT1H2S"),
        (Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (ipaddress.IPv4Address("127.0.0.1"), "127.0.0.1"),
        (pydantic.AnyUrl("https://example.com/"), "https://example.com/"),
        (pydantic.SecretStr("hunter2"), "**********"),
        (AIMessage([{"type": "text", "text": "hi"}]), "hi"),
        ([ToolMessage("a", tool_call_id="1")], ["a"]),
    ],
)
def test_a_result_is_plain_data_of_exact_types(value, plain):
    found = to_plain(value, MIB)
    assert found == plain
    assert type(found) is type(plain)
    assert msgpack.unpackb(msgpack.packb(found), strict_map_key=False) == plain


@pytest.mark.parametrize(
    ("key", "plain"),
    [
        ("a", "a"),
        (1, 1),
        (Level.LOW, 1),
        (True, "True"),
        (None, "None"),
        (1.5, "1.5"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (Color.RED, "red"),
        (("a", 1), "a, 1"),
    ],
)
def test_a_key_is_text_or_an_int(key, plain):
    [found] = to_plain({key: 0}, MIB)
    assert found == plain
    assert type(found) is type(plain)


def test_nan_stays_a_float():
    assert math.isnan(to_plain([math.nan], MIB)[0])


def test_a_document_is_a_dict():
    assert to_plain(Document("text", metadata={"page": 1}), MIB)["page_content"] == "text"


def deep(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


def cyclic():
    value = {}
    value["rows"] = [value]
    return value


@pytest.mark.parametrize(
    ("value", "what", "reason", "path"),
    [
        (lambda: {"rows": [1, sys]}, "module", "is not data", ["rows", 1]),
        (lambda: (n for n in range(3)), "generator", "is not data", []),
        (lambda: iter([1]), "list_iterator", "is not data", []),
        (lambda: [dict], "class dict", "is not data", [0]),
        (lambda: {object(): 1}, "key of class object", "is not data", None),
        (lambda: 2**64, "int of 65 bits", "has more than 64 bits", []),
        (cyclic, "dict", "contains itself", ["rows", 0]),
        (lambda: deep(201), "list", "more than 200 deep", [0] * 200),
        (lambda: {1.5: 1, "1.5": 2}, "key '1.5'", "occurs twice", ["1.5"]),
        (lambda: Command(goto="x"), "Command", "steers a LangGraph graph", []),
    ],
    ids=["module", "generator", "iterator", "class", "key", "int", "cycle", "depth", "same key", "command"],
)
def test_what_is_not_data_is_named_with_its_place(value, what, reason, path):
    with pytest.raises(NotDataError) as caught:
        to_plain(value(), MIB)
    assert caught.value.what == what
    assert reason in caught.value.reason
    assert path is None or caught.value.path[::-1] == path


def test_a_socket_is_not_data():
    with socket.socket() as open_socket, pytest.raises(NotDataError, match="socket"):
        to_plain(open_socket, MIB)


def test_the_deepest_data_is_data():
    assert to_plain(deep(200), MIB) == deep(200)


def test_data_that_is_shared_is_no_cycle():
    shared = [1]
    assert to_plain([shared, {"a": shared}], MIB) == [[1], {"a": [1]}]


@pytest.mark.parametrize(
    "value",
    [
        "x" * 2 * MIB,
        b"x" * 2 * MIB,
        "é" * MIB,
        [1.5] * MIB,
        range(10**15),
        {"k" * 2 * MIB: 1},
        [["x" * 1000] * 100] * 100,
    ],
    ids=["str", "bytes", "two-byte str", "list", "range", "key", "shared lists"],
)
def test_what_is_too_large_is_refused_before_it_is_converted_whole(value):
    with pytest.raises(TooLargeError) as caught:
        to_plain(value, MIB)
    assert caught.value.size > MIB


def test_the_measured_size_is_about_what_msgpack_writes():
    value = [{"name": "x" * 100, "rows": list(range(50)), "ok": True}] * 100
    written = len(msgpack.packb(value))
    to_plain(value, 10 * written)
    with pytest.raises(TooLargeError):
        to_plain(value, written)


def test_blocks_of_text_are_text_and_other_blocks_stay():
    texts = [{"type": "text", "text": "a", "id": "1"}, {"type": "text", "text": "b"}]
    mixed = [*texts, {"type": "image", "url": "x"}]
    assert text_of(texts) == "a\nb"
    assert text_of(mixed) == mixed
    assert text_of([]) == []
    assert text_of("a") == "a"
