import pandas as pd
import pytest

from lumo_graph.executors.worker.describe import describe_variables, find_changes
from lumo_graph.executors.worker.values import describe_answer, describe_result


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __len__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


class Sized(list):
    def __len__(self):
        raise RuntimeError


def test_a_value_has_its_class_a_text_and_its_data():
    assert describe_result([1, "a"]) == {"kind": "list", "preview": "[1, 'a']", "json": [1, "a"]}


def test_a_value_without_plain_data_has_its_text_only():
    assert describe_result(b"x") == {"kind": "bytes", "preview": "b'x'", "json": None}
    assert describe_result(Hostile())["json"] is None


def test_an_answer_may_be_large_and_a_mere_result_may_not():
    rows = list(range(50_000))
    assert describe_answer(rows)["json"] == rows
    assert describe_result(rows)["json"] is None
    assert describe_result(rows)["preview"].endswith("(50000 in all)]")


def test_a_large_table_is_shown_by_its_shape_and_head():
    frame = pd.DataFrame({"a": range(1000), "b": "x"})
    assert len(describe_answer(frame)["json"]) == 1000
    shown = describe_result(frame)
    assert shown["json"] is None
    assert shown["preview"].startswith("DataFrame: 1000 rows x 2 columns\ndtypes: a: int64, b: ")
    assert shown["preview"].endswith("... (990 more rows)")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "None"),
        (3, "3"),
        ("short", "'short'"),
        ("x" * 100, "str (100 characters)"),
        ([1, 2], "list (2)"),
        ({"a": 1}, "dict (1)"),
        (Sized([1]), "tests.Sized (1)"),
        (pytest, "module pytest"),
        (Hostile, "class tests.Hostile"),
        (Hostile(), "tests.Hostile"),
        (lambda a, *rest, key=1, **more: (a, rest, key, more), "def <lambda>(a, *rest, key, **more)"),
        (lambda a, *, key: (a, key), "def <lambda>(a, *, key)"),
        (pd.DataFrame({"a": [1]}), "DataFrame (1 rows x 1 columns)"),
        (pd.Series([1]), "Series (1) int64"),
        (pd.Series([1]).to_numpy(), "ndarray (1,) int64"),
        (10**9999, "<int of 33216 bits>"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_variables_are_described_in_a_line(value, line):
    assert describe_variables({"it": value}, reserved=())["it"].text == line


def test_only_the_codes_own_variables_are_described():
    namespace = {"__name__": "__main__", "search": 1, "x": 1, "_hidden": 2, 5: 3}
    described = describe_variables(namespace, reserved={"search"})
    assert {name: seen.text for name, seen in described.items()} == {"x": "1", "_hidden": "2"}


def test_of_too_many_variables_the_newest_are_described():
    described = describe_variables({f"v{n}": n for n in range(1000)}, reserved=())
    assert len(described) == 200
    assert "v999" in described


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ({"r": "ok", "b": b"x\xff", (1, 2): 3, 1: None}, {"r": "ok", "b": "x\\xff", "[1, 2]": 3, "1": None}),
        ([2**100], [str(2**100)]),
        (["a\ud801"], ["a?"]),
        ([{1, 2}, (3,)], [[1, 2], [3]]),
    ],
    ids=["bytes and keys", "a large number", "half a character", "sets and tuples"],
)
def test_what_is_no_data_in_an_answer_stands_there_as_text(answer, plain):
    assert describe_answer(answer)["json"] == plain


@pytest.mark.parametrize("answer", ["z" * 5_000_000, list(range(600_000))], ids=["characters", "parts"])
def test_an_answer_that_is_too_large_says_what_to_answer_instead(answer):
    with pytest.raises(ValueError, match="summary"):
        describe_answer(answer)


def test_an_answer_that_contains_itself_is_refused_in_words():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself at"):
        describe_answer({"a": loop})


def test_changes_are_found_by_identity_and_by_what_is_shown():
    rows, other = [1], {"a": 1}
    before = describe_variables({"rows": rows, "same": 1, "other": other, "gone": 2}, reserved=())
    rows.append(2)
    after = describe_variables({"rows": rows, "same": 1, "other": {"a": 1}, "new": 3}, reserved=())
    assert find_changes(before, after) == {"rows": "changed", "other": "changed", "new": "added", "gone": "removed"}
