import json

import pytest

from lumo_graph.errors import (
    AddressError,
    ConfigurationError,
    ExecutorError,
    IsolationError,
    ModelError,
    ThreadBusyError,
)
from lumo_graph.events import Answered, Output, RunResult, StepEnded, Token
from lumo_graph.types import Step, ToolCall, Usage
from lumo_graph.wire import failed, frame_of, json_text, response_of
from lumo_graph.wire.texts import plain

STEP = Step(number=1, thought="T", code="f()", calls=(ToolCall(name="f", args={"x": float("inf")}),), error="E")


def test_a_step_has_both_shapes():
    frame = frame_of(StepEnded(step=STEP))
    first, second = frame["step"]["tool_calls"]
    assert first["function"] == {"name": "python_interpreter", "arguments": {"code": "f()"}}
    assert (second["id"], second["type"], second["name"], second["arguments"]) == (
        "call_1.1",
        "function",
        "f",
        {"x": None},
    )
    assert (frame["step"]["step"], frame["step"]["llm_output"], frame["step"]["error"]) == (1, "T", "E")


@pytest.mark.parametrize(
    ("answer", "text", "data"),
    [
        (None, "", None),
        ("é\ud800", "é\ufffd", "é\ufffd"),
        (1, "1", 1),
        ({"a": float("nan")}, '{"a":null}', {"a": None}),
        ([True, b"x"], '[true,"x"]', [True, "x"]),
        (2**70, str(2**70), str(2**70)),
        (False, "false", False),
    ],
)
def test_an_answer_is_text_for_the_sdk_and_data_beside_it(answer, text, data):
    response = response_of(RunResult(answer=answer, outcome="answered"))
    assert (response.final_answer, response.response, response.answer) == (text, text, data)
    assert response.token_usage is None


def test_every_frame_is_one_line_of_ascii():
    result = RunResult(answer="\u2028", outcome="answered", usage=Usage(input_tokens=2, output_tokens=3))
    for event in (Token(text="a\u2028\x85\nb"), Answered(result=result), Output(stream="stdout", text="\udfff\x1c")):
        line = json_text(frame_of(event))
        assert line.isascii()
        assert len(line.splitlines()) == 1
        assert json.loads(line)["type"]
    assert frame_of(Answered(result=result))["token_usage"]["total_tokens"] == 5
    assert plain({1: (2, 3)}) == {"1": [2, 3]}


@pytest.mark.parametrize(
    ("error", "status", "hidden"),
    [
        (ConfigurationError("The file '/home/me/secret.db' is gone"), 400, "/home"),
        (ConfigurationError("cannot open /root/x"), 400, "/root"),
        (AddressError("'x' leads to 10.1.2.3, which is private"), 400, "10.1.2.3"),
        (ThreadBusyError("process 123 on host"), 409, "123"),
        (ModelError("the model failed"), 500, "Traceback"),
        (ExecutorError("fork of /usr/bin/python failed"), 500, "python"),
        (IsolationError("no namespaces on this kernel"), 500, "kernel"),
        (ValueError("secret"), 500, "secret"),
        (KeyError("secret"), 500, "secret"),
    ],
)
def test_a_failure_says_what_to_do_and_nothing_of_the_house(error, status, hidden):
    told = failed(error, "t")
    assert told.status == status
    assert told.message
    assert hidden not in json.dumps(told.to_dict())


def test_addresses_of_models_are_not_taken_for_files():
    words = "base_url 'https://host/v1/usr/x' must be POST /v1/chat/completions"
    assert failed(ConfigurationError(words)).message == words
