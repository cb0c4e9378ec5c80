import pytest

from lumo_graph.dialects.sources import is_data, quote_after, reads_as_python, starts_like_python


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("x = 1", None, None),
        ('text = """', None, '"""'),
        ("text = '''one line'''", None, None),
        ('still inside "quoted"', '"""', '"""'),
        ('the end""" + x', '"""', None),
        (r'escaped \""" goes on', '"""', '"""'),
        ('# a comment with """', None, None),
        ("\"a string with ''' in it\"", None, None),
        ("don't stop", None, None),
        ('''f("""a""", \'\'\'b''', None, "'''"),
    ],
)
def test_an_open_triple_quote_is_followed_from_line_to_line(line: str, before: str | None, after: str | None) -> None:
    assert quote_after(line, before) == after


@pytest.mark.parametrize(
    ("source", "parses"),
    [
        ("await fetch(1)", True),
        (r"re.sub('\d', '', s)", True),
        ("a b", False),
        ("x = '\0'", False),
        ("(" * 10_000, False),
        ("-" * 100_000 + "1", False),
        ("x = 1\n" * 100_000, False),
    ],
    ids=["await", "invalid escape", "prose", "null", "deep", "deeper", "too long to look at"],
)
def test_source_is_parsed_without_a_warning_or_a_crash(source: str, parses: bool) -> None:  # noqa: FBT001 - a table
    assert reads_as_python(source) is parses


@pytest.mark.parametrize(
    "source", ["42", '{"a": [true, null, -1.5]}', "'text'", "[1, 2]\n(3, 4)", "name: Ada\nok: true", "# nothing"]
)
def test_literals_are_data(source: str) -> None:
    assert is_data(source)


@pytest.mark.parametrize("source", ["x", "f(1)", "x = 1", "[x]", "1 + 1", "not python at all"])
def test_what_does_something_is_not_data(source: str) -> None:
    assert not is_data(source)


@pytest.mark.parametrize(
    "source", ["x = (", "import a, b\n(", "print 'x'", "for row in rows:\n", "search('x'", "x[0] += 1 1"]
)
def test_broken_python_still_starts_like_python(source: str) -> None:
    assert starts_like_python(source)


@pytest.mark.parametrize(
    "source",
    [
        "| a | b |\n|---|---|",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n+import os",
        "$ pip install numpy\nCollecting numpy",
        "If you can keep your head",
        "Traceback (most recent call last):",
        "src\n├── main.py",
        "for the record",
    ],
    ids=["table", "diff", "shell", "poem", "traceback", "tree", "prose"],
)
def test_other_text_does_not_start_like_python(source: str) -> None:
    assert not starts_like_python(source)
