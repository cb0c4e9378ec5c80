import pytest

from lumo_graph.approvals import Rule, parse_rules, request_for, rules_of_run
from lumo_graph.decisions import (
    DECISIONS,
)
from lumo_graph.errors import ConfigurationError


def asked_about(given, args):
    return request_for(parse_rules({"mail": given}, ["mail"])["mail"], "mail", args)


def fails(*_):
    raise KeyError("to")


def test_true_asks_about_every_call_and_false_about_none():
    rules = parse_rules({"mail": True, "post": False}, ["mail", "post"])
    assert list(rules) == ["mail"]
    request = request_for(rules["mail"], "mail", {"to": "a"}, line=3)
    assert (request.args, request.allowed, request.line) == ({"to": "a"}, DECISIONS, 3)


@pytest.mark.parametrize("form", [lambda when: when, lambda when: {"when": when}], ids=["predicate", "mapping"])
def test_a_predicate_chooses_the_calls(form):
    given = form(lambda args: args["amount"] > 10)
    assert asked_about(given, {"amount": 5}) is None
    assert asked_about(given, {"amount": 50}) is not None


def test_a_run_keeps_the_rules_it_began_with_and_takes_what_is_given_now():
    given = Rule(allowed=("approve",))
    assert rules_of_run({"mail": given}, ["mail", "post", "call"], {"call"}) == {"mail": given, "post": Rule()}


def test_a_predicate_that_fails_means_asking():
    assert asked_about(fails, {"to": "a"}).args == {"to": "a"}


def test_a_predicate_cannot_change_the_call():
    args = {"to": "a"}
    asked_about(lambda given: given.update(to="b") or True, args)
    assert args == {"to": "a"}


@pytest.mark.parametrize(
    ("description", "text"),
    [("Really?", "Really?"), (lambda args: f"To {args['to']}?", "To a?"), (fails, "mail waits for your decision.")],
)
def test_a_description_is_a_text_or_made_from_the_arguments(description, text):
    assert asked_about({"description": description}, {"to": "a"}).description == text


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"nope": True}, "'nope'"),
        (["mail"], "mapping"),
        ({"mail": 3}, "bool, a predicate or a mapping, not 3"),
        ({"mail": {"allowed": []}}, "'allowed'"),
        ({"mail": {"allowed_decisions": []}}, "allowed_decisions"),
        ({"mail": {"allowed_decisions": ["maybe"]}}, "maybe"),
    ],
)
def test_rules_that_are_none_are_refused(given, named):
    with pytest.raises(ConfigurationError, match=named):
        parse_rules(given, ["mail"])
