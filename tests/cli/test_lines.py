import io
import json

import pytest

from lumo_graph.cli.lines import LinesView, json_line, read_event
from lumo_graph.events import Answered, Plan, RunResult, event_to_dict
from lumo_graph.types import Isolation
from tests.cli.events import RUN


@pytest.mark.parametrize("event", [*RUN[:-1], Plan(text="1. Look.")], ids=lambda event: event.type)
def test_an_event_comes_back_from_its_line(event):
    assert read_event(json_line(event_to_dict(event))) == event


def test_a_result_comes_back_without_its_steps():
    isolation = Isolation(tier="fs", on=("seccomp",), off={"namespaces": "no"}, open=("disk",))
    result = RunResult(answer=[1], outcome="budget", messages=("m",), isolation=isolation, thread_id="t")
    assert read_event(json_line(event_to_dict(Answered(result=result)))) == Answered(
        result=RunResult(answer=[1], outcome="budget", isolation=isolation, thread_id="t")
    )


def test_one_event_is_one_line_and_nothing_else_is_printed():
    out = io.StringIO()
    with LinesView(out) as view:
        for event in RUN:
            view.show(event)
        view.say("thread t")
    assert [json.loads(line)["type"] for line in out.getvalue().splitlines()] == [event.type for event in RUN]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param(float("nan"), '{"x": null}', id="NaN"),
        pytest.param({"a": [float("inf"), (1,)]}, '{"x": {"a": [null, [1]]}}', id="infinity in a list"),
        pytest.param({(1, 2): 3}, '{"x": {"(1, 2)": 3}}', id="key that is no text"),
        pytest.param(b"x", '{"x": "b\'x\'"}', id="bytes"),
        pytest.param("\x1b[2J\u2028\ud800", '{"x": "\\u001b[2J\\u2028\\ud800"}', id="control characters"),
    ],
)
def test_a_line_is_strict_json(value, line):
    assert json_line({"x": value}) == line
