import asyncio
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool

from lumo_graph.testing import ScriptedModel, ScriptError

ASK = [SystemMessage("Be brief."), HumanMessage("How many apples?")]


@tool
def weigh(fruit: str) -> int:
    """Weigh a fruit."""
    return len(fruit)


def test_replies_come_in_order_sync_and_async():
    model = ScriptedModel(replies=["one", AIMessage(content="two"), "three"])
    assert model.invoke(ASK).content == "one"
    assert asyncio.run(model.ainvoke(ASK)).content == "two"
    assert "".join(chunk.text for chunk in model.stream(ASK)) == "three"
    model.assert_consumed()


def test_text_streams_word_by_word_and_loses_nothing():
    text = "  Thought: two\n\n```py\nprint( 'a  b' )\n```\n"
    chunks = [chunk.text for chunk in ScriptedModel(replies=[text]).stream(ASK)]
    assert "".join(chunks) == text
    assert len(chunks) > 5


def test_async_streams_too():
    async def collect():
        return [chunk.text async for chunk in ScriptedModel(replies=["one two"]).astream(ASK) if chunk.text]

    assert asyncio.run(collect()) == ["one", " two"]


def test_tool_calls_stream_in_pieces_and_come_together():
    calls = [
        {"name": "weigh", "args": {"fruit": "apple", "note": "the red one on the left"}, "id": None},
        {"name": "weigh", "args": {}, "id": "mine"},
    ]
    model = ScriptedModel(replies=[AIMessage(content="Both.", tool_calls=calls)] * 2)
    chunks = list(model.stream(ASK))
    whole = chunks[0] + chunks[1:]
    assert sum(bool(chunk.tool_call_chunks) for chunk in chunks) > 4
    assert [(call["name"], call["args"], call["id"]) for call in whole.tool_calls] == [
        ("weigh", calls[0]["args"], "call_1_1"),
        ("weigh", {}, "mine"),
    ]
    assert [call["id"] for call in model.invoke(ASK).tool_calls] == ["call_2_1", "mine"]


def test_usage_is_estimated_from_lengths_alike_whether_streamed_or_not():
    model = ScriptedModel(replies=["12345678"] * 2)
    reply = model.invoke(ASK)
    chunks = list(model.stream(ASK))
    streamed = chunks[0] + chunks[1:]
    assert reply.usage_metadata == streamed.usage_metadata
    assert reply.usage_metadata == {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    assert streamed.response_metadata["finish_reason"] == "stop"


def test_usage_and_metadata_of_the_script_win():
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    given = AIMessage(content="x", usage_metadata=usage, response_metadata={"finish_reason": "length"}, id="mine")
    reply = ScriptedModel(replies=[given]).invoke(ASK)
    assert (reply.usage_metadata, reply.response_metadata["finish_reason"], reply.id) == (usage, "length", "mine")


def test_blocks_are_a_reply_too():
    content = [{"type": "text", "text": "one"}]
    model = ScriptedModel(replies=[AIMessage(content=content)] * 2)
    assert model.invoke(ASK).content == content
    chunks = list(model.stream(ASK))
    assert (chunks[0] + chunks[1:]).text == "one"


def test_an_exception_is_raised():
    with pytest.raises(TimeoutError, match="too slow"):
        ScriptedModel(replies=[TimeoutError("too slow")]).invoke(ASK)


def test_a_function_sees_the_messages_and_may_give_anything():
    model = ScriptedModel(replies=[lambda messages: messages[-1].text.upper(), lambda _: ValueError("no")])
    assert model.invoke(ASK).content == "HOW MANY APPLES?"
    with pytest.raises(ValueError, match="no"):
        model.invoke(ASK)


def test_calls_and_offered_tools_are_kept():
    model = ScriptedModel(replies=["one", "two"])
    model.invoke(ASK)
    model.bind_tools([weigh]).invoke(ASK[1:])
    assert model.calls == [ASK, ASK[1:]]
    assert model.tools == [[], ["weigh"]]


def test_a_call_too_many_says_what_was_asked():
    model = ScriptedModel(replies=["one"])
    model.invoke(ASK)
    with pytest.raises(ScriptError, match=r"asked a 2nd time, the script has 1 reply; last message was 'How many app"):
        model.invoke(ASK)


def test_a_call_too_many_that_was_swallowed_fails_at_the_end():
    model = ScriptedModel(replies=[])
    with pytest.raises(ScriptError):
        model.invoke(ASK)
    with pytest.raises(ScriptError, match="asked a 1st time"):
        model.assert_consumed()


def test_replies_too_many_fail_at_the_end():
    with (
        pytest.raises(ScriptError, match="2 of 3 replies were not asked for; next: two"),
        ScriptedModel(replies=["one", "two", "three"]) as model,
    ):
        model.invoke(ASK)


def test_the_error_inside_the_context_is_not_hidden():
    with pytest.raises(ZeroDivisionError), ScriptedModel(replies=["one"]):
        raise ZeroDivisionError


def test_what_cannot_be_a_reply_is_refused():
    with pytest.raises(TypeError, match="not 42"):
        ScriptedModel(replies=[42])


def test_every_reply_is_given_once_to_threads_that_ask_together():
    model = ScriptedModel(replies=[str(number) for number in range(40)])
    seen = []

    def ask():
        seen.extend(model.invoke(ASK).content for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen, key=int) == [str(number) for number in range(40)]
    assert len(model.calls) == 40


def test_a_message_of_the_script_is_never_changed():
    given = AIMessage(content="x", tool_calls=[{"name": "weigh", "args": {}, "id": None}])
    ScriptedModel(replies=[given]).invoke(ASK)
    assert (given.id, given.usage_metadata, given.tool_calls[0]["id"]) == (None, None, None)
