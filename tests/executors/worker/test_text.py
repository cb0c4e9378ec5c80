import pytest

from lumo_graph.executors.worker.text import bounded_repr, class_name, clean, cut


class Raises:
    def __repr__(self):
        raise RuntimeError


class GivesNone:
    def __repr__(self):
        return None


class Huge:
    def __repr__(self):
        return "x" * 10_000_000


class Surrogate:
    def __repr__(self):
        return "\ud800"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, "a", (2,), {"k": {3}}], "[1, 'a', (2,), {'k': {3}}]"),
        ([], "[]"),
        (frozenset([1]), "frozenset({1})"),
        ("x" * 500, f"{'x' * 200!r}... (500 long)"),
        (Raises(), "<tests.Raises without a repr: RuntimeError>"),
        (GivesNone(), "<tests.GivesNone without a repr: TypeError>"),
        (Surrogate(), "\\ud800"),
        (10**5000, "<int of 16610 bits>"),
        ([[[[[[1]]]]]], "[[[[[...]]]]]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_reprs_are_bounded_and_never_raise(value, expected):
    assert bounded_repr(value) == expected


def test_a_huge_repr_keeps_head_and_tail():
    assert len(bounded_repr(Huge(), 100)) < 250


def test_a_long_list_is_not_written_out():
    text = bounded_repr(list(range(1_000_000)), 100)
    assert text.startswith("[0, 1, 2, ")
    assert text.endswith("... (1000000 in all)]")
    assert len(text) < 200


def test_a_list_that_contains_itself_ends():
    loop = []
    loop.append(loop)
    assert bounded_repr(loop) == "[[[[[...]]]]]"


def test_names_of_classes_are_as_code_writes_them():
    class Inner:
        pass

    Inner.__module__ = "pandas.core.frame"
    assert class_name(int) == "int"
    assert class_name(Inner) == "pandas.Inner"
    Inner.__module__ = 5
    assert class_name(Inner) == "object"


def test_cut_keeps_both_ends_and_counts():
    assert cut("short", 10) == "short"
    assert cut("a" * 60 + "b" * 60, 90) == "a" * 60 + " ... [30 characters left out] ... " + "b" * 30


def test_clean_text_can_be_encoded():
    assert clean("a\ud800é").encode() == b"a\\ud800\xc3\xa9"
