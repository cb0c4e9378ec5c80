import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lumo_graph.models.replies import Draft
from lumo_graph.models.tidying import tidy_reply


def call(args, call_id="1", name="pay"):
    return {"name": name, "args": args, "id": call_id}


def test_half_a_character_is_replaced_wherever_it_stands():
    reply = AIMessage(
        "hm \ud83d",
        tool_calls=[call({"to": "a\udce9", "deep": [{"x": "\ud83d"}]})],
        additional_kwargs={"reasoning": "\ud83d"},
        response_metadata={"note": "\ud83d"},
    )
    tidy = tidy_reply(reply)
    assert (tidy.content, tidy.tool_calls[0]["args"]) == ("hm \ufffd", {"to": "a\ufffd", "deep": [{"x": "\ufffd"}]})
    JsonPlusSerializer().dumps_typed(tidy)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 2**200])
def test_a_call_with_a_number_that_cannot_be_stored_is_told_to_the_model(number):
    tidy = tidy_reply(AIMessage("", tool_calls=[call({"a": [number]})], additional_kwargs={"raw": number}))
    assert tidy.tool_calls == []
    assert "64 bits" in tidy.invalid_tool_calls[0]["error"]
    JsonPlusSerializer().dumps_typed(tidy)


def test_the_largest_numbers_that_fit_are_kept():
    args = {"a": 2**64 - 1, "b": -(2**63)}
    assert tidy_reply(AIMessage("", tool_calls=[call(args)])).tool_calls[0]["args"] == args


def test_every_call_has_an_id_of_its_own():
    broken = InvalidToolCall(name="x", args="{", id="1", error="no", type="invalid_tool_call")
    reply = AIMessage("", tool_calls=[call({}), call({}), call({}, None)], invalid_tool_calls=[broken])
    tidy = tidy_reply(reply)
    ids = [made["id"] for made in (*tidy.tool_calls, *tidy.invalid_tool_calls)]
    assert ids[0] == "1"
    assert len(set(ids)) == 4


@pytest.mark.parametrize("reason", [{}, {"finish_reason": "tool_calls"}, {"stop_reason": "max_tokens"}])
def test_half_of_an_argument_is_never_taken_for_the_whole(reason):
    draft = Draft(max_chars=1000)
    parts = ['{"to": "all@x.com", "body": "Please do NO']
    for part in parts:
        chunk = {"name": "mail", "args": part, "id": "1", "index": 0, "type": "tool_call_chunk"}
        draft.add(AIMessageChunk(content="", tool_call_chunks=[chunk], response_metadata=reason))
    reply = draft.finish()
    assert reply.tool_calls == []
    assert reply.invalid_tool_calls[0]["name"] == "mail"


def test_a_call_without_arguments_is_whole():
    draft = Draft(max_chars=1000)
    chunk = {"name": "now", "args": "", "id": "1", "index": 0, "type": "tool_call_chunk"}
    draft.add(AIMessageChunk(content="", tool_call_chunks=[chunk]))
    assert draft.finish().tool_calls[0]["args"] == {}
