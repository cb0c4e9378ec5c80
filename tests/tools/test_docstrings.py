from lumo_graph.tools.docstrings import read_docstring


def test_the_arguments_are_taken_out_of_the_text():
    doc = read_docstring(
        """Find pages.

        It is slow.

        Args:
            query: what to look for,
                in plain words: no operators
            limit (int): how many.
            *rest: others

        Returns:
            The pages.
        """,
        ["query", "limit", "rest"],
    )
    assert doc.text == "Find pages.\n\nIt is slow.\n\nReturns:\n    The pages."
    assert doc.arguments == {
        "query": "what to look for, in plain words: no operators",
        "limit": "how many.",
        "rest": "others",
    }


def test_a_section_that_names_no_parameter_stays():
    text = "Run.\n\nArgs:\n    other: something"
    assert read_docstring(text, ["query"]).text == text


def test_hidden_parameters_are_dropped_from_the_text_with_the_section():
    doc = read_docstring("Run.\n\nArgs:\n    query: what\n    config: LangChain's", ["query"])
    assert doc.text == "Run."
    assert doc.arguments == {"query": "what"}


def test_a_docstring_of_another_style_is_text():
    text = "Run.\n\n:param query: what"
    assert read_docstring(text, ["query"]).text == text


def test_no_docstring_is_empty():
    assert read_docstring("", ["query"]).text == ""
