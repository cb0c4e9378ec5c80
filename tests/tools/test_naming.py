import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.naming import check_name, check_unique, identifier


@pytest.mark.parametrize("name", ["search", "get_rows_2", "_private", "match", "type_"])
def test_a_python_name_is_accepted_and_so_is_a_soft_keyword(name):
    check_name(name)


@pytest.mark.parametrize(
    ("name", "reason", "better"),
    [
        ("web-search", "not a Python name", "web_search"),
        ("2nd", "not a Python name", "_2nd"),
        ("", "not a Python name", "tool"),
        ("größe", "not a Python name", "gr_e"),
        ("import", "Python keyword", "import_"),
        ("None", "Python keyword", "None_"),
        ("final_answer", "reserved", "final_answer_tool"),
        ("python_interpreter", "reserved", "python_interpreter_tool"),
        ("print", "Python builtin", "print_tool"),
        ("ValueError", "Python builtin", "ValueError_tool"),
        ("x" * 65, "longer than 64", "x" * 59),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_one_that_can(name, reason, better):
    with pytest.raises(ConfigurationError) as caught:
        check_name(name)
    assert repr(name) in str(caught.value)
    assert reason in str(caught.value)
    assert repr(better) in str(caught.value)
    check_name(better)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="Two tools are named 'a'"):
        check_unique(["a", "b", "a"])


@pytest.mark.parametrize(
    ("text", "name"), [("page-size", "page_size"), ("from", "from_"), ("$top", "top"), ("1st", "_1st"), ("-", "tool")]
)
def test_any_text_has_a_python_name(text, name):
    assert identifier(text) == name
