import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.excerpts import bullets, fair_shares, one_line, readable, shorten


def test_short_text_stays_as_it_is() -> None:
    assert shorten("abc", 3) == "abc"


def test_long_text_keeps_its_head_its_tail_and_a_count() -> None:
    text = "a" * 6000 + "b" * 6000
    short = shorten(text, 60)
    head, tail = short.split(" ... [")[0], short.split("] ... ")[1]
    assert set(head) == {"a"}
    assert set(tail) == {"b"}
    assert f"[{len(text) - len(head) - len(tail):,} characters left out]" in short


def test_text_of_several_lines_has_the_count_on_its_own_line() -> None:
    assert "\n... [9,938 characters left out] ...\n" in shorten("line\n" * 2000, 100)


@given(st.text(max_size=300), st.integers(min_value=0, max_value=200))
def test_the_result_is_never_longer_than_the_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or len(text) > limit


def test_a_line_has_no_line_ends() -> None:
    assert one_line("  a\n\tb  c ", 20) == "a b c"
    assert len(one_line("word " * 100_000, 80)) <= 80


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m \x1b]8;;http://x\x1b\\link", "red link"),
        ("10%\r50%\r100%\nnext", "100%\nnext"),
        ("done\r\nnext\r\n", "done\nnext\n"),
        ("bell\x07 null\x00 tab\t", "bell null tab\t"),
        ("lone \ud800 surrogate, é stays", "lone ? surrogate, é stays"),
    ],
    ids=["colours", "progress bar", "windows line ends", "control characters", "surrogate"],
)
def test_output_is_shown_as_a_terminal_would_leave_it(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    ("sizes", "room", "shares"),
    [
        ([10, 10], 100, [10, 10]),
        ([10, 1000], 100, [10, 90]),
        ([1000, 20, 1000], 100, [40, 20, 40]),
        ([5], -3, [0]),
        ([], 10, []),
    ],
)
def test_small_parts_get_all_they_need_and_large_ones_share_the_rest(
    sizes: list[int], room: int, shares: list[int]
) -> None:
    assert fair_shares(sizes, room) == shares


def test_a_long_list_says_how_many_lines_are_missing() -> None:
    assert bullets(range(1500), str, count=2, width=10) == "- 0\n- 1\n- and 1,498 more"
