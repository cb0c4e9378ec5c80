import json

import pytest
from pydantic import ValidationError

from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits
from lumo_graph.wire.depth import check_depth
from lumo_graph.wire.options import Asked, run_options, tightened
from lumo_graph.wire.requests import ForkRequest, ResumeRequest, RunRequest

LEAST = {"task": "Go", "model": "m", "base_url": "http://x/v1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": ""}, {"task": "\n"}, {"task": 1}, {"model": ""}, {"base_url": ""}, {"max_steps": "5"},
        {"max_steps": True}, {"max_results": 0}, {"thread_id": "../x"}, {"thread_id": ""}, {"thread_id": "x\n"},
        {"history": [], "messages": []}, {"maxsteps": 1}, {"background": "yes"}, {"system_prompt": "x" * 40_000},
        {"history": [{"role": "root", "content": ""}]}, {"mcp_servers": [{"command": "x"}]},
    ],
)  # fmt: skip
def test_a_request_that_says_what_nobody_understands_is_refused(wrong):
    with pytest.raises(ValidationError):
        RunRequest.model_validate({**LEAST, **wrong})


def test_the_conversation_has_two_names_and_the_form_of_openai():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    said = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "2", "tool_call_id": "a"},
    ]
    for name in ("history", "messages"):
        first, second = RunRequest.model_validate({**LEAST, name: said}).earlier
        assert json.loads(first["tool_calls"][0]["function"]["arguments"]) == {"x": 1}
        assert second == {"role": "tool", "content": "2", "tool_call_id": "a"}


def test_a_client_may_ask_for_less_than_the_operator_gives_and_not_for_more():
    ceiling = Limits(max_steps=20, max_tokens=1000, memory_mb=512)
    asked = RunRequest.model_validate({**LEAST, "max_steps": 5, "max_tokens": 2000, "max_seconds": 3.5})
    limits = run_options(asked, ceiling)["limits"]
    assert (limits.max_steps, limits.max_tokens, limits.max_seconds, limits.memory_mb) == (5, 1000, 3.5, 512)
    assert tightened(ceiling, {}).max_steps == Limits().max_steps
    assert tightened(Limits(max_steps=3), {}).max_steps == 3
    assert tightened(ceiling, {"max_steps": 50}).max_steps == 20


def test_what_was_asked_is_found_again_in_what_is_stored():
    asked = Asked(model="m", base_url="http://x", tools=("a",), system_prompt="é\ud800"[:1], planning_interval=2)
    again = Asked.from_metadata({"lumo_graph_asked": asked.to_text(), "source": "loop"})
    assert (again.model, list(again.tools), again.system_prompt, again.planning_interval) == ("m", ["a"], "é", 2)
    assert Asked.from_metadata({}) is None


def test_data_may_be_nested_only_so_deep():
    value: object = 1
    for _ in range(31):
        value = {"x": [value]}
    check_depth(value, "it", most=64)
    with pytest.raises(ConfigurationError, match="it is nested more than 3 levels deep"):
        check_depth([[[[1]]]], "it", most=3)


def test_a_resume_is_streamed_or_left_alone():
    with pytest.raises(ValidationError, match="nobody would read"):
        ResumeRequest.model_validate({"stream": True, "background": True})
    with pytest.raises(ValidationError):
        ForkRequest.model_validate({"at": True})
    assert ForkRequest.model_validate({"at": 3}).at == 3
