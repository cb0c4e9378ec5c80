import json
import re
import shlex

import pytest

from lumo_graph.cli import main
from lumo_graph.cli.deciding import decision_from, suggested_options
from lumo_graph.cli.questions import question_text
from lumo_graph.decisions import Request, answer_schema, check_decision
from lumo_graph.errors import ConfigurationError

NONE = {"approve": False, "reject": None, "respond": None, "edit": None, "decision": None}
OPTIONS = ("--model", "models.py:code", "--tools", "mytools.py", "--interrupt-on", "double")


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        ({}, None),
        ({"approve": True}, {"type": "approve"}),
        ({"reject": "no"}, {"type": "reject", "message": "no"}),
        ({"respond": ""}, {"type": "respond", "message": ""}),
        ({"edit": '{"name": "f", "args": {}}'}, {"type": "edit", "edited_action": {"name": "f", "args": {}}}),
        ({"decision": '{"decisions": []}'}, {"decisions": []}),
    ],
)
def test_each_option_is_a_decision(given, decision):
    assert decision_from(**{**NONE, **given}) == decision


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"approve": True, "reject": "no"}, "Give one of"),
        ({"edit": "{"}, "--edit is not JSON"),
        ({"decision": "[1]"}, "--decision must be a JSON object"),
    ],
)
def test_options_that_make_no_decision_are_refused(given, named):
    with pytest.raises(ConfigurationError, match=named):
        decision_from(**{**NONE, **given})


def asked(*allowed):
    return {
        "id": "0123456789abcdef",
        "action_requests": [{"name": "mail", "args": {"to": "a"}, "description": "?"} for _ in allowed],
        "review_configs": [{"action_name": "mail", "allowed_decisions": [*choices]} for choices in allowed],
    }


@pytest.mark.parametrize(
    ("pending", "options"),
    [
        ([asked(["edit", "approve"])], "--approve --question 01234567"),
        ([asked(["edit", "reject"])], "--reject REASON --question 01234567"),
        ([asked(["respond"])], "--respond TEXT --question 01234567"),
        ([asked(["edit"])], """--edit '{"name": "mail", "args": {"...": "..."}}' --question 01234567"""),
        (
            [asked(["approve"], ["reject"])],
            """--decision \
'{"decisions": [{"type": "approve"}, {"type": "reject", "message": "REASON"}]}' --question 01234567""",
        ),
        ([{"value": "a tool asks"}], ""),
        ([asked(["approve"]), asked(["approve"])], ""),
    ],
)
def test_what_is_suggested_is_what_the_tools_allow(pending, options):
    assert suggested_options(pending) == options


@pytest.mark.parametrize("pending", [asked(["respond"]), asked(["edit"]), asked(["approve"], ["respond"])])
def test_what_is_suggested_can_be_read_again(pending):
    option, *value = shlex.split(suggested_options([pending]))[:-2]
    given = {**NONE, option.removeprefix("--"): value[0]}
    answer_schema([Request(name="mail", args={}, description="?")] * len(pending["review_configs"])).model_validate(
        check_decision(decision_from(**given))
    )


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--edit", "{", "--edit is not JSON: Expecting property name"),
        ("--edit", "[1]", "--edit must be a JSON object, not '[1]'"),
        ("--edit", '{"args": {}}', "{'type': 'edit', 'edited_action': {'args': {}}} is no decision"),
        ("--decision", '{"type": "maybe"}', "{'type': 'maybe'} is no decision"),
    ],
)
def test_a_decision_that_is_none_is_a_usage_error_that_names_it(folder, capsys, option, value, named):
    assert main(["resume", "t", *OPTIONS, option, value]) == 2
    assert named in capsys.readouterr().err


def test_a_question_marks_the_line_and_keeps_escape_codes_from_the_terminal():
    request = {
        "action_requests": [{"name": "mail", "args": {"to": "a"}, "description": "Really?\x1b[2J"}],
        "review_configs": [{"action_name": "mail", "allowed_decisions": ["approve", "reject"]}],
        "code": "x = 1\nmail('a')",
        "lines": [2],
        "calls_before": ["charge -> 1"],
    }
    text = question_text(request)
    assert "\x1b" not in text
    assert text.splitlines()[0] == "mail(to='a') waits: approve, reject"
    assert text.splitlines()[2:] == [
        "in the code:", "    1 x = 1", ">   2 mail('a')", "called before:", "  charge -> 1",
    ]  # fmt: skip


def test_a_run_prints_what_waits_and_resume_decides_it(folder, capsys):
    assert main(["run", "Double 21", "--agent-type", "code-agent", "--thread", "t", *OPTIONS]) == 130
    out = capsys.readouterr().out
    assert "double(n=21) waits: approve, edit, reject, respond" in out
    assert ">   1 x = double(21)" in out
    assert "a tool prints" not in out
    _, command = out.rstrip("\n").split("thread t · go on: lumo ")
    start, question = command.split(" --question ")
    assert start == f"resume t {' '.join(OPTIONS)} --approve"
    assert re.fullmatch("[0-9a-f]{8}", question)
    assert main(shlex.split(command)) == 0
    assert '"x": 42' in capsys.readouterr().out


def test_the_printed_command_given_twice_does_not_answer_the_next_question(lumo):
    options = ["--model", "models.py:twice", "--tools", "mytools.py", "--interrupt-on", "double"]
    asked = lumo("run", "go", "--agent-type", "code-agent", "--thread", "t", *options)
    first = shlex.split(asked.stdout.rpartition("go on: lumo ")[2])
    asked_again = lumo(*first)
    assert (asked_again.returncode, "double(n=2) waits" in asked_again.stdout) == (130, True)
    second = shlex.split(asked_again.stdout.rpartition("go on: lumo ")[2])
    twice = lumo(*first)
    assert (twice.returncode, twice.stdout) == (2, "")
    assert f"Question {first[-1]!r} does not wait in thread 't': {second[-1]!r} does." in twice.stderr
    shown = lumo("resume", "t", *options)
    assert shlex.split(shown.stdout.rpartition("go on: lumo ")[2]) == second
    done = lumo(*second)
    assert (done.returncode, "(2, 4)" in done.stdout) == (0, True)
    late = lumo(*second)
    assert (late.returncode, "Nothing waits for a decision in thread 't'" in late.stderr) == (2, True)


def test_a_question_is_named_with_a_decision_only(folder, capsys):
    assert main(["run", "go", "--agent-type", "code-agent", "--thread", "t", *OPTIONS]) == 130
    capsys.readouterr()
    assert main(["resume", "t", *OPTIONS, "--question", "01234567"]) == 2
    assert "question='01234567' needs a decision" in capsys.readouterr().err
    assert main(["resume", "t", *OPTIONS, "--approve", "--question", "0123456"]) == 2
    assert "at least its first 8 digits, not '0123456'" in capsys.readouterr().err


def test_json_has_the_question_as_an_event_and_a_wrong_decision_is_a_usage_error(lumo):
    asked = lumo("run", "Double 21", "--agent-type", "code-agent", "--thread", "t", *OPTIONS, "--json")
    events = {event["type"]: event for event in map(json.loads, asked.stdout.splitlines())}
    assert events["approval"]["request"]["action_requests"][0]["args"] == {"n": 21}
    assert events["answer"]["outcome"] == "interrupted"
    wrong = lumo("resume", "t", *OPTIONS, "--decision", '{"type": "maybe"}')
    assert (wrong.returncode, "is no decision" in wrong.stderr) == (2, True)
    edit = '{"name": "double", "args": {"n": 4}}'
    assert "  | x is 8\n" in lumo("resume", "t", *OPTIONS, "--edit", edit).stdout
