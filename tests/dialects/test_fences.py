import pytest

from lumo_graph.dialects.fences import Block, code_of, segments

TABLE = """| city | people |
|------|--------|
| Oslo | 700000 |"""


def bodies(text: str) -> list[str]:
    return [part.body for part in segments(text) if isinstance(part, Block)]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("```py\nx = 1\n```", "x = 1"),
        ("```Python3 \nx = 1\n```", "x = 1"),
        ('```python title="a.py"\nx = 1\n```', "x = 1"),
        ("```{python}\nx = 1\n```", "x = 1"),
        ("```python:a.py\nx = 1\n```", "x = 1"),
        ("```tool_code\nx = 1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("````python\nx = 1\n````", "x = 1"),
        ("~~~python\nx = 1\n~~~", "x = 1"),
        ("```python\nx = 1", "x = 1"),
        ("```python\nx = 1```", "x = 1"),
        ("```python\nx = 1\n``` Now I wait.", "x = 1"),
        ("I look: ```python\nif x:\n    y = 1\n```", "if x:\n    y = 1"),
        ("```python x = 1 ```", "x = 1"),
        ("```python\nx = 1\n</code>", "x = 1"),
        ("<code>\nx = 1\n</code>", "x = 1"),
        ("<code>x = 1</code>", "x = 1"),
        ("Code: <code>\nx = 1", "x = 1"),
        ("<execute_ipython>\nx = 1\n</execute_ipython>", "x = 1"),
        ("<code>\n```python\nx = 1\n```\n</code>", "x = 1"),
        ("<code>\n```\nx = 1\n</code>", "x = 1"),
        ("```python\nx = 1\nObservation: 1", "x = 1"),
        ("```python\n\n\nx = 1\n\n\n```", "x = 1"),
    ],
)
def test_a_block_is_found_however_it_is_fenced(text: str, body: str) -> None:
    parts = segments(text)
    assert bodies(text) == [body]
    assert [block.body for block in code_of(parts)] == [body]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("1. First:\n   ```python\n   for x in y:\n       f(x)\n   ```", "for x in y:\n    f(x)"),
        ("- ```python\n  for x in y:\n      f(x)\n  ```", "for x in y:\n    f(x)"),
        ("   ```python\nfor x in y:\n    f(x)\n   ```", "for x in y:\n    f(x)"),
        ("```python\n    for x in y:\n        f(x)\n```", "for x in y:\n    f(x)"),
        ("```python\n\tfor x in y:\n\t\tf(x)\n```", "for x in y:\n\tf(x)"),
    ],
    ids=["under a list item", "in a list item", "only the fence indented", "only the code indented", "tabs"],
)
def test_indentation_of_the_whole_block_is_taken_off(text: str, body: str) -> None:
    assert bodies(text) == [body]


@pytest.mark.parametrize(
    "code",
    [
        'page = """\n```python\nprint(1)\n```\n"""\nsave(page)',
        "page = '''\n```\ntext\n```\n'''",
        'page = f"""# Title\n~~~\n```\n"""',
        "x = 1  # not \"\"\" a string\ny = 'it''s'",
    ],
)
def test_a_fence_within_a_string_of_the_code_does_not_end_the_block(code: str) -> None:
    assert bodies(f"Write it:\n```python\n{code}\n```\nDone.") == [code]


def test_a_string_that_never_ends_does_not_swallow_the_rest() -> None:
    text = '```python\nx = """oops\n```\nThen:\n```python\ny = """fine"""\n```'
    assert bodies(text) == ['x = """oops', 'y = """fine"""']


def test_a_fence_that_opens_before_the_last_one_closed_starts_a_new_block() -> None:
    assert bodies("```python\nx = 1\n```python\ny = 2\n```") == ["x = 1", "y = 2"]


def test_a_block_of_another_language_may_hold_fences_of_its_own() -> None:
    text = "```markdown\n# Title\n```python\nx = 1\n```\n"
    assert code_of(segments(text)) == []


def test_prose_around_the_blocks_keeps_its_order() -> None:
    parts = segments("One.\n```python\nx\n```\nTwo.\n```json\n{}\n```\nThree.")
    assert [part if isinstance(part, str) else part.language for part in parts] == [
        "One.",
        "python",
        "Two.",
        "json",
        "Three.",
    ]


@pytest.mark.parametrize("line", ["Observation: 3", "Observations: 3", "**Observation:** 3", "### Observation: 3"])
def test_what_follows_a_made_up_observation_is_left_out(line: str) -> None:
    assert bodies(f"```python\nx\n```\n{line}\n```python\nbased_on_a_dream(x)\n```") == ["x"]


def test_an_observation_in_prose_without_a_block_stays() -> None:
    assert segments("Summary.\nObservation: sales rose.") == ["Summary.\nObservation: sales rose."]


def test_a_word_marked_up_as_code_is_prose() -> None:
    text = "<code>print</code> writes to the screen."
    assert segments(text) == [text]


@pytest.mark.parametrize(
    "body",
    [TABLE, '{"a": [1, true]}', "42", "'text'", "$ ls\na b", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y", "two words"],
    ids=["table", "json", "number", "text", "shell", "diff", "prose"],
)
def test_an_unmarked_block_of_something_else_is_not_code(body: str) -> None:
    assert code_of(segments(f"The result:\n```\n{body}\n```")) == []


@pytest.mark.parametrize("body", ["rows", "rows[:3]", "search('x')", "x = 1", "print 'x'", "search('x'", "Paris"])
def test_an_unmarked_block_that_may_be_code_is_code(body: str) -> None:
    assert [block.body for block in code_of(segments(f"Next:\n```\n{body}\n```"))] == [body]


@pytest.mark.parametrize("output", ["42", "[1, 2]", "2 rows", "NameError: x", "print 'x'"])
def test_output_pasted_below_marked_code_is_not_run(output: str) -> None:
    text = f"```python\nx\n```\nOutput:\n```\n{output}\n```"
    assert [block.body for block in code_of(segments(text))] == ["x"]


def test_unmarked_code_beside_marked_code_is_run_too() -> None:
    parts = segments("```python\nx = 1\n```\nand\n```\nprint(x)\n```")
    assert [block.body for block in code_of(parts)] == ["x = 1", "print(x)"]


def test_a_block_that_the_text_does_not_close_says_so() -> None:
    assert [part.closed for part in segments("```python\nx\n```\n```python\ny") if isinstance(part, Block)] == [
        True,
        False,
    ]


def test_thousands_of_fences_are_found() -> None:
    assert len(bodies("```python\nx = 1\n```\n" * 5_000)) == 5_000
    assert bodies('```python\nx = """\n' + "```\n" * 5_000)
