import dataclasses
import datetime as dt
import enum
import math
import uuid
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pydantic
import pytest

from lumo_graph.executors.worker.plain import NotPlainError, Plainer


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    inner: object = None


class Model(pydantic.BaseModel):
    when: dt.date
    size: Decimal


class LoudText(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError


class Liar:
    @property
    def __class__(self):
        raise RuntimeError


def plain(value, **budget):
    return Plainer(**{"parts": 1000, "size": 10_000, "binary": True, "rows": 200, **budget}).plain(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, [2, (3,)]), [1, [2, [3]]]),
        ({2, 1}, [1, 2]),
        ({1, "a"}, ["a", 1]),
        (deque([1]), [1]),
        (range(3), [0, 1, 2]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (namedtuple("P", "x y")(1, 2), [1, 2]),  # noqa: PYI024 - a value, not a type
        ({"a": 1}.items(), [["a", 1]]),
        (Level.LOW, 1),
        ({Level.LOW: 1}, {1: 1}),
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        (Model(when=dt.date(2024, 1, 2), size=Decimal("1.5")), {"when": "2024-01-02", "size": "1.5"}),
        (dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC), "2024-01-02T03:00:00+00:00"),
        (dt.timedelta(minutes=1), 60.0),
        (Fraction(1, 3), "1/3"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (PurePosixPath("a/b"), "a/b"),
        (LoudText("hi"), "hi"),
        (bytearray(b"x"), b"x"),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.array(["a"]), ["a"]),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Series([1, 2], index=["a", "b"]), {"a": 1, "b": 2}),
        (pd.Series([1, 2], index=["a", "a"]), [1, 2]),
        (pd.Index([1, 2]), [1, 2]),
        (pd.DataFrame({"a": [1.0, math.nan]}), [{"a": 1.0}, {"a": None}]),
        (pd.DataFrame({"d": pd.to_datetime(["2024-01-02", None])}), [{"d": "2024-01-02T00:00:00"}, {"d": None}]),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_objects_with_an_honest_form_become_plain(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "'object' is not plain data"),
        (1j, "'complex' is not plain data"),
        (len, "is not plain data"),
        (Liar(), "'tests.Liar' is not plain data"),
        ((n for n in ()), "make a list of it"),
        (2**64, "over 64 bits"),
        ("\udc80", "surrogate"),
        ({(1,): 1}, "its key is a tuple"),
        ({1: "a", Level.LOW: "b", "1": 1}, None),
        ({dt.date(2024, 1, 1): 1, "2024-01-01": 2}, "two of its keys"),
        (list(range(2000)), "too many parts"),
        ("x" * 20_000, "too large"),
        (pd.DataFrame({"a": range(500)}), "500 rows are too many"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_without_one_are_refused_with_the_reason(value, says):
    if says is None:
        assert plain(value) == {1: "b", "1": 1}
        return
    with pytest.raises(NotPlainError) as caught:
        plain(value)
    assert says in caught.value.reason


def test_the_path_to_what_is_refused_is_known():
    with pytest.raises(NotPlainError) as caught:
        plain({"rows": [1, Point(2, {"h": object()})]})
    assert caught.value.path == "['rows'][1]['inner']['h']"


def test_what_contains_itself_is_refused_and_what_only_repeats_is_not():
    loop = {}
    loop["self"] = [loop]
    with pytest.raises(NotPlainError) as caught:
        plain(loop)
    assert caught.value.reason == "it contains itself"
    shared = [1]
    assert plain([shared, shared]) == [[1], [1]]


def test_bytes_are_plain_only_where_they_may_cross():
    with pytest.raises(NotPlainError):
        plain([b"x"], binary=False)
