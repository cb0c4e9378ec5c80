import json

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from lumo_graph.models.replies import CUT_MARK, Draft, cut_reply, size_of, usage_of
from lumo_graph.types import Usage


def finish(parts, max_chars=1000):
    draft = Draft(max_chars=max_chars)
    for part in parts:
        if draft.add(part):
            break
    return draft.finish()


def call_chunk(args, **fields):
    return AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args=args, index=0, **fields)])


LAST = AIMessageChunk(content="", chunk_position="last")


def test_chunks_become_one_plain_message():
    reply = finish([AIMessageChunk(content="a", id="x"), AIMessageChunk(content="b", id="x"), LAST])
    assert type(reply) is AIMessage
    assert (reply.content, reply.id) == ("ab", "x")


def test_a_tool_call_in_pieces_becomes_a_tool_call():
    reply = finish([call_chunk("", name="add", id="c1"), call_chunk('{"a": '), call_chunk("1}"), LAST])
    assert [(made["name"], made["args"], made["id"]) for made in reply.tool_calls] == [("add", {"a": 1}, "c1")]


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
def test_half_a_tool_call_of_a_reply_the_provider_cut_is_invalid(reason):
    last = AIMessageChunk(content="", chunk_position="last", response_metadata={"finish_reason": reason})
    reply = finish([call_chunk('{"path": "/data/im', name="delete", id="c1"), last])
    assert reply.tool_calls == []
    (broken,) = reply.invalid_tool_calls
    assert (broken["name"], broken["id"], broken["args"]) == ("delete", "c1", '{"path": "/data/im')
    assert "complete" in (broken["error"] or "")


def test_half_a_tool_call_of_a_reply_that_was_cut_here_is_invalid():
    reply = finish([call_chunk('{"path": "', name="delete", id="c1"), *[call_chunk("abcdefghij")] * 100], max_chars=200)
    assert reply.tool_calls == []
    (broken,) = reply.invalid_tool_calls
    assert len(broken["args"] or "") == 200
    assert reply.response_metadata[CUT_MARK] is True
    assert "tool_calls" not in reply.additional_kwargs


def test_a_cut_keeps_the_tool_calls_that_fit():
    calls = [{"name": "f", "args": {"x": "y" * size}, "id": str(size)} for size in (10, 500)]
    reply = cut_reply(AIMessage(content="abc", tool_calls=calls), 100)
    assert [made["id"] for made in reply.tool_calls] == ["10"]
    assert [made["id"] for made in reply.invalid_tool_calls] == ["500"]
    assert reply.content == "abc"


def test_a_cut_goes_through_blocks():
    content = [{"type": "text", "text": "a" * 60}, "b" * 30, {"type": "text", "text": "c" * 60}, {"type": "text"}]
    reply = cut_reply(AIMessage(content=content), 120)
    assert size_of(reply) <= 124
    assert reply.text.startswith("a" * 60 + "b" * 30)


def test_reasoning_outside_the_text_counts():
    chunk = AIMessageChunk(content="", additional_kwargs={"reasoning_content": "hmm " * 10})
    assert size_of(chunk) == 40
    assert finish([chunk] * 100, max_chars=100).response_metadata[CUT_MARK] is True


def test_a_role_langchain_does_not_know_is_read_as_the_assistant():
    assert finish([ChatMessageChunk(content="hi", role="model"), LAST]).content == "hi"


def test_messages_and_chunks_may_be_mixed():
    assert finish([AIMessage(content="a"), AIMessageChunk(content="b")]).content == "ab"


def test_a_given_message_is_not_changed():
    given = AIMessage(content="hello")
    reply = finish([given])
    assert given.id is None
    assert reply.id


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({}, Usage(model_calls=1)),
        (
            {"usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}},
            Usage(model_calls=1, input_tokens=3, output_tokens=4),
        ),
        (
            {"response_metadata": {"token_usage": {"prompt_tokens": 5, "completion_tokens": 6, "cost": 0.25}}},
            Usage(model_calls=1, input_tokens=5, output_tokens=6, cost=0.25),
        ),
        (
            {"response_metadata": {"usage": {"input_tokens": 5, "output_tokens": 6}, "cost": 0}},
            Usage(model_calls=1, input_tokens=5, output_tokens=6, cost=0.0),
        ),
        ({"response_metadata": {"token_usage": {"cost": "free", "prompt_tokens": None}}}, Usage(model_calls=1)),
        ({"response_metadata": {"token_usage": {"cost": float("nan"), "prompt_tokens": -4}}}, Usage(model_calls=1)),
    ],
    ids=["nothing", "langchain", "openrouter", "bare", "text", "nonsense"],
)
def test_usage_is_read_from_what_the_provider_reports(fields, usage):
    assert usage_of(AIMessage(content="x", **fields)) == usage


def test_size_counts_text_and_arguments():
    message = AIMessage(content="abc", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}])
    assert size_of(message) == 3 + len(json.dumps({"x": 1}))
