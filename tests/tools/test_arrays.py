import math

import numpy as np
import pandas as pd
import pytest

from lumo_graph.tools.plain import NotDataError, TooLargeError, to_plain

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(3), 3),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5.0), 5.0),
        (np.array([1j]), ["1j"]),
        (np.array(["2024-01-02", "NaT"], dtype="datetime64[ns]"), ["2024-01-02T00:00:00", None]),
        (np.datetime64("2024-01-02"), "2024-01-02T00:00:00"),
        (np.array([90], dtype="timedelta64[s]"), ["PT1M30S"]),
        (np.array([{"a": np.int8(1)}], dtype=object), [{"a": 1}]),
        (np.array([(1, 2.5)], dtype=[("n", int), ("x", float)]), [{"n": 1, "x": 2.5}]),
        ({np.int64(1): np.array([])}, {1: []}),
    ],
)
def test_numpy_is_plain_data(value, plain):
    found = to_plain(value, MIB)
    assert found == plain
    assert type(found) is type(plain)


def frame():
    return pd.DataFrame({"name": ["a", None], "n": [1, 2], "at": [pd.Timestamp("2024-01-02"), pd.NaT]})


def test_a_data_frame_is_its_records():
    first, second = to_plain(frame(), MIB)
    assert first == {"name": "a", "n": 1, "at": "2024-01-02T00:00:00"}
    assert second["at"] is None


def test_an_index_with_labels_becomes_columns():
    grouped = pd.DataFrame({"team": ["x", "x", "y"], "n": [1, 2, 3]}).groupby("team").sum()
    assert to_plain(grouped, MIB) == [{"team": "x", "n": 3}, {"team": "y", "n": 3}]


def test_two_levels_of_columns_are_joined():
    table = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("n", "sum"), ("n", "mean")]))
    assert to_plain(table, MIB) == [{"n, sum": 1, "n, mean": 2}]


def test_a_series_is_a_list_or_a_dict():
    assert to_plain(pd.Series([1, 2]), MIB) == [1, 2]
    assert to_plain(pd.Series([1, 2], index=["a", "b"]), MIB) == {"a": 1, "b": 2}
    assert to_plain(pd.Series([1], index=[pd.Timestamp("2024-01-02")]), MIB) == {"2024-01-02T00:00:00": 1}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
        (pd.Timedelta("1h"), "P0DT1H0M0S"),
        (pd.Period("2024-01"), "2024-01"),
        (pd.Index([1, 2]), [1, 2]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
    ],
    ids=["NA", "NaT", "timestamp", "timedelta", "period", "index", "categorical", "nullable array"],
)
def test_the_small_kinds_of_pandas_are_plain_data(value, plain):
    assert to_plain(value, MIB) == plain


def test_a_missing_number_stays_nan():
    [row] = to_plain(pd.DataFrame({"n": [math.nan]}), MIB)
    assert math.isnan(row["n"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns are not unique"),
        (lambda: pd.Series([1, 2], index=["a", "a"]), "index is not unique"),
        (lambda: frame().groupby("name"), "is not data"),
        (lambda: np.random.default_rng(0), "is not data"),
        (lambda: np.void(b"abc"), "raw memory"),
    ],
    ids=["columns", "index", "groups", "generator", "void"],
)
def test_what_would_lose_data_is_refused(value, reason):
    with pytest.raises(NotDataError) as caught:
        to_plain(value(), MIB)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "value",
    [lambda: np.zeros(10**6), lambda: pd.DataFrame({"n": np.zeros(10**6)}), lambda: pd.Series(np.zeros(10**6))],
    ids=["array", "frame", "series"],
)
def test_an_array_that_is_too_large_is_refused_unread(value):
    with pytest.raises(TooLargeError):
        to_plain(value(), MIB)
