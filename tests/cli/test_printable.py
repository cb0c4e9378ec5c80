import pytest

from lumo_graph.cli.printable import head, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b[2J", "\\x1b[2J", id="clear the screen"),
        pytest.param("\x1b]0;title\x07", "\\x1b]0;title\\x07", id="set the title"),
        pytest.param("a\x08b\x7f", "a\\x08b\\x7f", id="backspace"),
        pytest.param("\x9b31m", "\\x9b31m", id="C1 control"),
        pytest.param("10%\r20%\r\n", "10%\n20%\n", id="progress bar"),
        pytest.param("a\u202eb", "a\\u202eb", id="right to left override"),
        pytest.param("\ud800", "\\ud800", id="lone surrogate"),
        pytest.param("tab\there\nline 👩‍💻 é", "tab\there\nline 👩‍💻 é", id="ordinary text"),
    ],
)
def test_a_terminal_gets_no_control_characters(text, shown):
    assert printable(text) == shown


def test_one_line_is_cut_with_an_ellipsis():
    assert one_line("a\n  b\tc", 10) == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_a_long_text_keeps_its_first_lines_and_a_count():
    assert head("\n".join("abcdef"), 3) == "a\nb\nc\n… 3 more lines"
    assert head("a\nb\nc\nd", 3) == "a\nb\nc\nd"


def test_a_long_line_is_cut():
    assert len(head("x" * 5000, 3)) == 160
