import asyncio

import pydantic
import pydantic.v1
import pytest
from langgraph.errors import GraphInterrupt, GraphRecursionError, ParentCommand
from langgraph.types import Command

from lumo_graph.tools.failures import failed, first_line, is_control_flow, rejected, shorten, unknown_tool
from lumo_graph.types import Parameter, ToolReply


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError


class New(pydantic.BaseModel):
    n: int
    rows: list[dict[str, int]] = []


class Old(pydantic.v1.BaseModel):
    n: int


SHOWN = (Parameter(name="n", annotation="int"), Parameter(name="rows", annotation="list[dict[str, int]]"))


def validation_error(model, **values):
    with pytest.raises((pydantic.ValidationError, pydantic.v1.ValidationError)) as caught:
        model(**values)
    return caught.value


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (ValueError("bad row"), ToolReply(error="bad row", error_type="ValueError")),
        (KeyError("a"), ToolReply(error="a", error_type="KeyError")),
        (RuntimeError(), ToolReply(error="RuntimeError", error_type="RuntimeError")),
        (SilentError(), ToolReply(error="SilentError", error_type="SilentError")),
        (
            ExceptionGroup("group", [ExceptionGroup("inner", [OSError("no route")])]),
            ToolReply(error="no route", error_type="OSError"),
        ),
        (
            validation_error(New, n="x"),
            ToolReply(
                error="n: Input should be a valid integer, unable to parse string as an integer",
                error_type="ValidationError",
            ),
        ),
    ],
    ids=["message", "key", "empty", "broken", "group", "validation"],
)
def test_an_exception_is_its_message_and_its_class(error, reply):
    assert failed(error) == reply


def test_a_message_is_bounded_and_keeps_its_end():
    reply = failed(ValueError("x" * 10_000 + "the end"))
    assert len(reply.error) == 4000
    assert reply.error.endswith("the end")


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        (validation_error(New), "t(): missing the required argument 'n'.", "TypeError"),
        (validation_error(Old), "t(): missing the required argument 'n'.", "TypeError"),
        (
            validation_error(New, n="x"),
            (
                "t(): the argument 'n' must be int: input should be a valid integer, "
                "unable to parse string as an integer (got 'x')."
            ),
            "ValueError",
        ),
        (
            validation_error(Old, n="x"),
            "t(): the argument 'n' is not valid: value is not a valid integer.",
            "ValueError",
        ),
        (
            validation_error(New, n=1, rows=[{"a": 1}, {"a": None}]),
            "t(): the argument 'rows' is not valid: at [1]['a'], input should be a valid integer (got None).",
            "ValueError",
        ),
    ],
)
def test_arguments_that_do_not_validate_are_named_with_what_was_expected(error, text, kind):
    assert rejected("t", error, SHOWN, {}) == ToolReply(error=text, error_type=kind)


def test_many_wrong_arguments_are_counted():
    error = validation_error(New, n=1, rows=[{"a": "x"}] * 9)
    assert rejected("t", error, SHOWN, {}).error.endswith("; and 4 more.")


def test_a_huge_wrong_value_is_cut():
    assert len(rejected("t", validation_error(New, n="x" * 10**6), SHOWN, {}).error) < 300


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("serch", ["search", "fetch"], "Did you mean 'search'"),
        ("zzz", ["search", "fetch"], "Tools are: fetch, search."),
        ("zzz", [], "There are no tools."),
    ],
)
def test_an_unknown_tool_is_answered_with_the_known_ones(name, known, hint):
    reply = unknown_tool(name, known)
    assert repr(name) in reply.error
    assert hint in reply.error
    assert reply.error_type == "NameError"


@pytest.mark.parametrize(
    "error",
    [
        GraphInterrupt(),
        ParentCommand(Command()),
        KeyboardInterrupt(),
        GeneratorExit(),
    ],
    ids=repr,
)
def test_what_steers_the_graph_or_the_process_is_no_failure_of_a_tool(error):
    assert is_control_flow(error)


@pytest.mark.parametrize(
    "error",
    [ValueError(), GraphRecursionError(), TimeoutError(), SystemExit(), asyncio.CancelledError()],
    ids=repr,
)
def test_every_other_exception_is_a_failure_of_the_tool(error):
    assert not is_control_flow(error)


def test_shortening_keeps_the_head_and_the_tail():
    assert shorten("abcdefghij", 7) == "abcd…ij"
    assert len(shorten("x" * 100, 30)) == 30


def test_a_first_line_is_a_sentence():
    assert first_line(ValueError("one\ntwo")) == "one."
    assert first_line(ValueError()) == "ValueError."
