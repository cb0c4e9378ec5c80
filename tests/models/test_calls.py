import asyncio
import json
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import override

from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.models import CUT_MARK, RetryPolicy, acall_model, call_model, resolve_model, usage_of
from lumo_graph.testing import Disconnect, Endless, Fault, ScriptedModel, ScriptedOpenAI, ScriptError
from tests.watching import until

QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.01)
ASK = [HumanMessage("How many?")]
SUM_CALL = AIMessage(content="", tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "call_a"}])


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Plain(BaseChatModel):
    """A model without streaming and without tools."""

    reply: Any = "Seven."

    @property
    def _llm_type(self) -> str:
        return "plain"

    @override
    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=self.reply))])


class Streaming(Plain):
    """A model that streams the chunks it is given."""

    chunks: list[Any] = []  # noqa: RUF012 - a pydantic field

    @override
    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=chunk)


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    @override
    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.seen.append(token)


def call(flavour: str, *args: Any, **kwargs: Any) -> AIMessage:
    return call_model(*args, **kwargs) if flavour == "sync" else asyncio.run(acall_model(*args, **kwargs))


both = pytest.mark.parametrize("flavour", ["sync", "async"])


def openai(server: ScriptedOpenAI) -> BaseChatModel:
    return resolve_model("openai:tiny", base_url=server.base_url)


# -- the real OpenAI client against a real server -------------------------------------------------------------------


@both
def test_a_reply_streams_to_the_callbacks_and_is_one_plain_message(flavour):
    tokens = Tokens()
    with ScriptedOpenAI(["Seven, I think."]) as server:
        reply = call(flavour, openai(server), ASK, config={"callbacks": [tokens]})
    assert type(reply) is AIMessage
    assert reply.content == "Seven, I think."
    assert reply.id
    assert [token for token in tokens.seen if token] == ["Seven,", " I", " think."]
    assert CUT_MARK not in reply.response_metadata
    request = server.requests[0]
    assert request.body["stream"] is True
    assert request.body["messages"] == [{"role": "user", "content": "How many?"}]


@both
def test_usage_of_a_streamed_openai_reply_is_counted(flavour):
    with ScriptedOpenAI(["12345678"]) as server:
        reply = call(flavour, openai(server), ASK)
    usage = usage_of(reply)
    assert (usage.model_calls, usage.input_tokens, usage.output_tokens, usage.cost) == (1, 3, 2, None)
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


@both
def test_tools_are_offered_and_called_over_http(flavour):
    with ScriptedOpenAI([SUM_CALL]) as server:
        reply = call(flavour, openai(server), ASK, tools=[add])
    assert [(made["name"], made["args"], made["id"]) for made in reply.tool_calls] == [
        ("add", {"a": 1, "b": 2}, "call_a")
    ]
    assert server.requests[0].body["tools"][0]["function"]["name"] == "add"


@both
@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, retry_after=0),
        Fault(status=429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
        Fault(status=408),
        Fault(status=409),
        Fault(status=500),
        Fault(status=503, retry_after=3600),
        Disconnect(after_chunks=0),
        Disconnect(after_chunks=3),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'status', getattr(fault, 'after_chunks', ''))}",
)
def test_a_temporary_failure_is_tried_again(flavour, fault):
    with ScriptedOpenAI([fault, "Seven."]) as server:
        reply = call(flavour, openai(server), ASK, retry=QUICK)
    assert reply.content == "Seven."
    assert len(server.requests) == 2


@both
def test_after_the_last_attempt_the_failure_is_a_model_error(flavour):
    with ScriptedOpenAI([Fault(status=500, message="out of order")] * 3) as server:
        with pytest.raises(ModelError, match=r"'tiny' failed \(status 500\): .*out of order.*resume") as caught:
            call(flavour, openai(server), ASK, retry=QUICK)
        assert caught.value.__cause__ is not None


@both
@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (Fault(status=400, message="no such field"), "no such field"),
        (Fault(status=400, message="too long", code="context_length_exceeded"), "larger context"),
        (Fault(status=401, message="Incorrect API key provided: sk-proj-abc***xyz9"), "Check the API key"),
        (Fault(status=403), "what the API key may use"),
        (Fault(status=404), "Check the model's name and the base_url"),
        (Fault(status=429, code="insufficient_quota"), "quota of the account"),
    ],
    ids=["400", "too-long", "401", "403", "404", "no-quota"],
)
def test_a_final_failure_is_told_at_once_with_what_to_do(flavour, fault, advice):
    with ScriptedOpenAI([fault]) as server, pytest.raises(ModelError, match=advice) as caught:
        call(flavour, openai(server), ASK, retry=QUICK)
    assert len(server.requests) == 1
    assert "sk-proj" not in str(caught.value)


def test_an_error_never_shows_the_key_that_a_server_repeats():
    def repeat_key(body: dict[str, Any]) -> Fault:
        return Fault(status=401, message="bad key hunter2hunter2 in Bearer hunter2hunter2")

    with ScriptedOpenAI([repeat_key]) as server, pytest.raises(ModelError) as caught:
        call_model(resolve_model("openai:tiny", base_url=server.base_url, api_key="hunter2hunter2"), ASK, retry=QUICK)
    assert server.requests[0].headers["authorization"] == "Bearer hunter2hunter2"
    assert "hunter2" not in str(caught.value)


@both
def test_a_refused_connection_is_a_model_error_that_names_the_way_out(flavour):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        model = resolve_model("openai:tiny", base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        with pytest.raises(ModelError, match=r"Connection error\. \[") as caught:
            call(flavour, model, ASK, retry=QUICK)
    assert "Check that the server at base_url runs" in str(caught.value)


@both
@pytest.mark.parametrize("tools", [None, [add]], ids=["plain", "tools"])
def test_an_endless_reply_is_cut_marked_and_hung_up_on(flavour, tools):
    with ScriptedOpenAI([Endless(text="again ")]) as server:

        async def call_and_stay() -> AIMessage:
            reply = await acall_model(openai(server), ASK, tools=tools, max_reply_chars=1000)
            assert await asyncio.to_thread(server.wait_until_idle)
            return reply

        if flavour == "async":
            reply = asyncio.run(call_and_stay())
        else:
            reply = call_model(openai(server), ASK, tools=tools, max_reply_chars=1000)
            assert server.wait_until_idle()
    assert len(reply.text) == 1000
    assert reply.response_metadata[CUT_MARK] is True


def test_one_model_serves_several_event_loops_and_threads():
    with ScriptedOpenAI(["Seven."] * 8) as server:
        model = openai(server)
        replies = [asyncio.run(acall_model(model, ASK)) for _ in range(3)]
        replies.append(call_model(model, ASK))
        threads = [threading.Thread(target=lambda: replies.append(call_model(model, ASK))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [reply.content for reply in replies] == ["Seven."] * 8
    assert len({reply.id for reply in replies}) == 8


def test_cancelling_a_call_hangs_up_and_stays_a_cancellation():
    async def cancel_in_the_middle(model: BaseChatModel) -> None:
        started = asyncio.Event()

        class Started(BaseCallbackHandler):
            @override
            def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
                loop.call_soon_threadsafe(started.set)

        loop = asyncio.get_running_loop()
        task = asyncio.create_task(acall_model(model, ASK, config={"callbacks": [Started()]}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.wait_until_idle)

    with ScriptedOpenAI([Endless()]) as server:
        asyncio.run(cancel_in_the_middle(openai(server)))
    assert len(server.requests) == 1


# -- inside a graph ---------------------------------------------------------------------------------------------------


def graph_of(model: BaseChatModel, **options: Any) -> Any:
    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [call_model(model, state["messages"], **options)]}

    async def aask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await acall_model(model, state["messages"], **options)]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", RunnableLambda(ask, afunc=aask))
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile()


def test_tokens_reach_a_graphs_message_stream_once():
    model = ScriptedModel(replies=["Seven, I think."])
    parts = [part for part, _ in graph_of(model).stream({"messages": ASK}, stream_mode="messages")]
    assert [part.text for part in parts if part.text] == ["Seven,", " I", " think."]
    assert len({part.id for part in parts}) == 1


def test_tokens_and_tool_calls_reach_a_graphs_message_stream_async_and_with_tools():
    async def collect() -> list[Any]:
        stream: AsyncIterator[Any] = graph_of(model, tools=[add]).astream({"messages": ASK}, stream_mode="messages")
        return [part async for part, _ in stream]

    model = ScriptedModel(replies=[SUM_CALL])
    parts = asyncio.run(collect())
    arguments = "".join(chunk["args"] or "" for part in parts for chunk in part.tool_call_chunks)
    assert json.loads(arguments) == {"a": 1, "b": 2}
    assert model.tools == [["add"]]


# -- odd models -------------------------------------------------------------------------------------------------------


@both
def test_a_model_without_streaming_works(flavour):
    reply = call(flavour, Plain(), ASK)
    assert type(reply) is AIMessage
    assert reply.content == "Seven."
    assert reply.id


@both
def test_a_model_without_streaming_is_cut_too(flavour):
    reply = call(flavour, Plain(reply="x" * 5000), ASK, max_reply_chars=100)
    assert reply.content == "x" * 100
    assert reply.response_metadata[CUT_MARK] is True


@both
def test_a_model_that_yields_nothing_gives_an_empty_message(flavour):
    reply = call(flavour, Streaming(chunks=[]), ASK)
    assert (type(reply), reply.content, reply.tool_calls) == (AIMessage, "", [])
    assert reply.id


def test_a_model_that_yields_only_empty_chunks_for_ever_is_stopped():
    reply = call_model(Streaming(chunks=[AIMessageChunk(content="")] * 50), ASK, max_reply_chars=20)
    assert reply.content == ""
    assert reply.response_metadata[CUT_MARK] is True


@both
def test_a_model_that_cannot_call_tools_is_a_configuration_error(flavour):
    with pytest.raises(ConfigurationError, match=r"'plain' cannot call tools.*agent_type='code-agent'"):
        call(flavour, Plain(), ASK, tools=[add])


def test_a_reply_that_is_not_an_assistants_is_a_model_error():
    class Echo(Plain):
        @override
        def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            yield HumanMessage("me")

    with pytest.raises(ModelError, match=r"'plain' gave a HumanMessage where an AIMessage was expected"):
        call_model(Echo(), ASK)


@both
@pytest.mark.parametrize(
    "error",
    [
        ScriptError("off script"),
        ConfigurationError("bad"),
        GraphBubbleUp(),
        AssertionError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_a_providers_failure_passes_unchanged_and_at_once(flavour, error):
    model = ScriptedModel(replies=[error])
    with pytest.raises(type(error)) as caught:
        call(flavour, model, ASK, retry=QUICK)
    assert caught.value is error
    assert len(model.calls) == 1


@both
@pytest.mark.parametrize("error", [TypeError("tool_calls"), ValueError("no int"), RecursionError("deep")], ids=repr)
def test_a_reply_that_cannot_even_be_read_is_the_providers_failure(flavour, error):
    model = ScriptedModel(replies=[error])
    with pytest.raises(ModelError, match=str(error)) as caught:
        call(flavour, model, ASK, retry=QUICK)
    assert caught.value.__cause__ is error
    assert len(model.calls) == 1


@both
def test_a_provider_that_repeats_the_key_does_not_get_it_into_a_traceback(flavour):
    model = ScriptedModel(replies=[PermissionError("invalid api_key=sk-1234567890abcdef")])
    with pytest.raises(ModelError) as caught:
        call(flavour, model, ASK, retry=QUICK)
    assert "1234567890" not in "".join(traceback.format_exception(caught.value))


def test_an_interrupt_from_the_keyboard_passes():
    with pytest.raises(KeyboardInterrupt):
        call_model(ScriptedModel(replies=[KeyboardInterrupt()]), ASK, retry=QUICK)


@both
def test_python_connection_errors_of_any_model_are_tried_again(flavour):
    model = ScriptedModel(replies=[ConnectionResetError("gone"), TimeoutError(), "Seven."])
    assert call(flavour, model, ASK, retry=QUICK).content == "Seven."


@pytest.mark.anyio
async def test_a_call_is_cancelled_however_fast_the_reply_comes():
    with ScriptedOpenAI([Endless()]) as server:
        model = resolve_model("openai:m", base_url=server.base_url)
        call = asyncio.create_task(acall_model(model, [HumanMessage("go")]))
        await asyncio.to_thread(until, lambda: bool(server.requests))
        await asyncio.sleep(0.1)
        call.cancel()
        done, _ = await asyncio.wait([call], timeout=30)
        assert done
        assert call.cancelled()
        assert server.wait_until_idle()
