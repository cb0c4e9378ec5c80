"""The form in which messages are told, held against the one that OpenTelemetry's conventions give for them."""

from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, ConfigDict, Discriminator, Tag, TypeAdapter

from lumo_graph.tracing.content import VARIABLE, choose_content
from lumo_graph.tracing.messages import conversation_of, instructions_of, output_of
from tests.tracing.agents import ANSWER, FAILS, SUM, caller, calls, coder


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(Strict):
    type: Literal["text", "reasoning"]
    content: str


class ToolCall(Strict):
    type: Literal["tool_call"]
    id: str | None = None
    name: str
    arguments: Any = None


class ToolCallResponse(Strict):
    type: Literal["tool_call_response"]
    id: str | None = None
    response: Any


class Other(BaseModel):
    type: str


KINDS = {"text": "text", "reasoning": "text", "tool_call": "tool_call", "tool_call_response": "tool_call_response"}
Part = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[ToolCall, Tag("tool_call")]
    | Annotated[ToolCallResponse, Tag("tool_call_response")]
    | Annotated[Other, Tag("other")],
    Discriminator(lambda part: KINDS.get(part["type"], "other")),
]


class Message(Strict):
    role: str
    parts: list[Part]


class Output(Message):
    finish_reason: str


INPUTS, OUTPUTS, PARTS = TypeAdapter(list[Message]), TypeAdapter(list[Output]), TypeAdapter(list[Part])

AGENTS = {
    "code": lambda: coder(FAILS, SUM, ANSWER, system_prompt="Be brief."),
    "calls": lambda: caller(calls(("add", {"a": 1, "b": 2}), ("broken", {"a": 1})), "It is 3."),
}


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_what_runs_tell_has_the_form_of_the_conventions(spans, monkeypatch, agent):
    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    agent().invoke({"task": "add"})
    for span in [*spans.named("chat"), spans.one("invoke_agent")]:
        INPUTS.validate_json(span.attributes["gen_ai.input.messages"])
        OUTPUTS.validate_json(span.attributes["gen_ai.output.messages"])
        if span.name.startswith("chat"):
            PARTS.validate_json(span.attributes["gen_ai.system_instructions"])


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_they_keep_it_when_every_text_is_redacted(spans, agent):
    choose_content("SPAN_ONLY", lambda _: "***")
    agent().invoke({"task": "add"})
    for span in [*spans.named("chat"), spans.one("invoke_agent")]:
        for message in INPUTS.validate_json(span.attributes["gen_ai.input.messages"]):
            assert message.role in {"user", "assistant", "tool"}
            assert all(part.content == "***" for part in message.parts if isinstance(part, Text))
        OUTPUTS.validate_json(span.attributes["gen_ai.output.messages"])


def test_every_kind_of_message_has_its_role_and_parts():
    call = {"name": "add", "args": {"a": 1}, "id": "c"}
    broken = {"name": None, "args": "{", "id": "d", "error": "no JSON", "type": "invalid_tool_call"}
    told = conversation_of(
        [
            SystemMessage("not here"),
            HumanMessage("hello"),
            AIMessage("I add.", tool_calls=[call], invalid_tool_calls=[broken]),
            ToolMessage("1", tool_call_id="c"),
            ChatMessage("hm", role="critic"),
        ]
    )
    INPUTS.validate_python(told)
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "critic"]
    assert [part["type"] for part in told[1]["parts"]] == ["text", "tool_call", "tool_call"]
    assert told[1]["parts"][1]["arguments"] == {"a": 1}
    assert told[2]["parts"] == [{"type": "tool_call_response", "id": "c", "response": "1"}]


def test_of_an_image_it_is_told_that_it_was_there_and_not_its_bytes():
    image = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    (told,) = conversation_of([HumanMessage([{"type": "text", "text": "look"}, image])])
    assert told["parts"] == [{"type": "text", "content": "look"}, {"type": "image"}]


def test_reasoning_is_told_as_such():
    (told,) = output_of(AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "3"}]), "stop")
    assert [part["type"] for part in told["parts"]] == ["reasoning", "text"]
    OUTPUTS.validate_python([told])


def test_the_instructions_are_the_parts_of_the_system_messages():
    assert instructions_of([SystemMessage("a"), HumanMessage("b")]) == [{"type": "text", "content": "a"}]
