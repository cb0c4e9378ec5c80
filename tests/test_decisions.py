from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from lumo_graph.decisions import Request, Wave, answer_schema, check_decision, decisions_in, is_question, question
from lumo_graph.errors import ConfigurationError

MAIL = Request(name="mail", args={"to": "a"}, description="?", allowed=("approve", "reject"), line=2)


def test_a_question_has_the_shape_that_front_ends_know():
    asked = question([MAIL], question_id="ab", code="x\nmail('a')", calls_before=["charge -> 1"])
    assert asked == {
        "id": "ab",
        "action_requests": [{"name": "mail", "args": {"to": "a"}, "description": "?"}],
        "review_configs": [{"action_name": "mail", "allowed_decisions": ["approve", "reject"]}],
        "code": "x\nmail('a')",
        "lines": [2],
        "calls_before": ["charge -> 1"],
    }
    assert is_question(asked)


@pytest.mark.parametrize(
    ("answer", "count", "named"),
    [
        ({"decisions": [{"type": "approve"}]}, 2, "1 decisions were given for 2 calls"),
        ({"type": "approve"}, 2, "1 decisions were given for 2 calls"),
        ({"type": "respond", "message": "x"}, 1, "'respond' is not allowed for mail"),
        ({"decisions": [{"type": "approve"}, {"type": "respond", "message": "x"}]}, 2, "not allowed"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(answer, count, named):
    with pytest.raises(ValidationError, match=named):
        answer_schema([MAIL] * count).model_validate(answer)


def test_an_answer_that_fits_is_taken_apart():
    answer = answer_schema([MAIL, MAIL]).model_validate({"decisions": [{"type": "approve"}, {"type": "reject"}]})
    assert [decision.type for decision in decisions_in(answer)] == ["approve", "reject"]


@pytest.mark.parametrize(
    "decision",
    [
        "approve",
        {},
        {"type": "maybe"},
        {"type": "edit"},
        {"type": "approve", "edited_action": {"name": "mail", "args": {}}},
        {"type": "respond"},
        {"type": "approve", "more": 1},
        {"decisions": [{"type": "edit"}]},
    ],
    ids=str,
)
def test_what_is_no_decision_is_refused_with_the_forms_there_are(decision):
    with pytest.raises(ConfigurationError, match=r"is no decision: .* Give \{'type': 'approve'\}"):
        check_decision(decision)


@pytest.mark.parametrize(
    "value",
    [datetime(2026, 1, 1, tzinfo=UTC), {"a"}, 2**64, "\ud800", {(1, 2): 3}, [object()]],
    ids=["date", "set", "large", "surrogate", "tuple as key", "object"],
)
def test_an_edit_that_could_not_be_recorded_is_refused(value):
    edit = {"type": "edit", "edited_action": {"name": "mail", "args": {"to": value}}}
    with pytest.raises(ConfigurationError, match="edited arguments must be plain data"):
        check_decision(edit)
    with pytest.raises(ValidationError, match="edited arguments must be plain data"):
        answer_schema([MAIL]).model_validate(edit)


def test_a_wave_comes_back_as_far_as_an_answer_needs_it():
    wave = Wave(keys=("k",), requests=(MAIL,), question=question([MAIL], question_id="", code=None, calls_before=[]))
    again = Wave.from_dict(wave.to_dict())
    assert (again.keys, again.question, again.requests[0].allowed) == (("k",), wave.question, MAIL.allowed)
