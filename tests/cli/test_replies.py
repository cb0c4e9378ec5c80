import pytest

from lumo_graph.cli.replies import Reply

TEXT = "First I look.\n\n```python\nx = 1\n\ny = 2\n```\n\nThen I tell.\n"


def prose(text, size):
    reply = Reply()
    lines = [line for start in range(0, len(text), size) for line in reply.feed(text[start : start + size])]
    return reply, [*lines, *reply.end()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_prose_is_the_same_however_the_tokens_are_cut(size):
    reply, lines = prose(TEXT, size)
    assert lines == ["First I look.", "", "", "Then I tell."]
    assert not reply.in_code


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("```\nx = 1\n```", id="plain fence"),
        pytest.param("~~~py\nx = 1\n~~~", id="tildes"),
        pytest.param("````md\n```\n````", id="fence in a fence"),
        pytest.param("<code>\nx = 1\n</code>", id="tag"),
        pytest.param("<code>x = 1</code>", id="tag in one line"),
        pytest.param("  ```py\n  x = 1\n  ```", id="indented"),
        pytest.param("```py\nx = 1", id="unclosed"),
    ],
)
def test_code_is_no_prose(block):
    assert prose(f"before\n{block}", 1)[1] == ["before"]


def test_a_line_that_may_become_a_fence_is_not_shown_yet():
    reply = Reply()
    shown = [
        (list(reply.feed(token)), reply.partial)
        for token in ("Yes", ".\n", "`", "`", "`py\n", "x = 1\n", "```\n", "No")
    ]
    assert shown == [([], "Yes"), (["Yes."], ""), ([], ""), ([], ""), ([], ""), ([], ""), ([], ""), ([], "No")]


def test_blank_lines_around_the_prose_are_left_out():
    assert prose("\n\nWords.\n\n\n", 2)[1] == ["Words."]
