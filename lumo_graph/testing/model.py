"""A chat model that follows a script."""

import json
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr
from typing_extensions import override

from lumo_graph.testing.script import Script, estimate_usage, pieces, slices

Reply: TypeAlias = str | AIMessage | BaseException | Callable[[list[BaseMessage]], str | AIMessage | BaseException]


class ScriptedModel(BaseChatModel):
    r"""A chat model whose replies are written beforehand, and that fails on a reply too many or too few.

    It streams (words, and tool calls in pieces), works sync and async and from several threads, takes tools, and
    reports token usage estimated from the lengths of the texts.

    Example:
        with ScriptedModel(replies=["Thought: easy.\n```py\nfinal_answer(6 * 7)\n```"]) as model:
            result = run("What is 6 times 7?", model=model, agent_type="code-agent")
    """

    replies: list[Any]
    """In order: text, an AIMessage, an exception to raise, or a function from the messages to one of these."""

    _script: Script[tuple[list[BaseMessage], list[str]], Any] = PrivateAttr()

    def __init__(self, replies: Sequence[Reply], **kwargs: Any) -> None:
        super().__init__(replies=list(replies), **kwargs)  # pyright: ignore[reportCallIssue] - the fields of a model

    def model_post_init(self, context: Any, /) -> None:
        """Check the script."""
        super().model_post_init(context)
        for reply in self.replies:
            if not isinstance(reply, (str, AIMessage, BaseException)) and not callable(reply):
                raise TypeError(f"A reply is text, an AIMessage, an exception or a function, not {reply!r}.")
        self._script = Script(self.replies)

    @property
    def calls(self) -> list[list[BaseMessage]]:
        """The messages of each call, in order."""
        return [messages for messages, _ in self._script.requests]

    @property
    def tools(self) -> list[list[str]]:
        """The names of the tools offered in each call, in order."""
        return [tools for _, tools in self._script.requests]

    def assert_consumed(self) -> None:
        """Fail if replies are left, or if the model was asked more often than it had replies.

        Raises:
            ScriptError: says which.
        """
        self._script.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.assert_consumed()

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, AIMessage]:
        """Offer tools; the script decides whether it calls them."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": "scripted"}

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, kwargs.get("tools")))])

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in chunks_of(self._next(messages, kwargs.get("tools"))):
            yield ChatGenerationChunk(message=chunk)

    def _next(self, messages: list[BaseMessage], tools: Sequence[dict[str, Any]] | None) -> AIMessage:
        offered = [tool["function"]["name"] for tool in tools or ()]
        last_message = messages[-1].text if messages else ""
        number, reply = self._script.take((list(messages), offered), last_message=last_message)
        if callable(reply):
            reply = reply(list(messages))
        if isinstance(reply, BaseException):
            raise reply
        message = AIMessage(content=reply) if isinstance(reply, str) else cast("AIMessage", reply)
        return _complete(message, number, messages)


def chunks_of(message: AIMessage) -> Iterator[AIMessageChunk]:
    """The message in the pieces a provider would stream it in. The last one carries usage and metadata."""
    texts: Sequence[Any] = pieces(message.content) if isinstance(message.content, str) else [message.content]
    for text in texts:
        yield AIMessageChunk(content=text, id=message.id)
    calls = [(call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls]
    calls += [(call["name"] or "", call["args"] or "", call["id"]) for call in message.invalid_tool_calls]
    for index, (name, args, call_id) in enumerate(calls):
        yield _call_chunk(message, name=name, args="", id=call_id, index=index)
        for part in slices(args):
            yield _call_chunk(message, args=part, index=index)
    yield AIMessageChunk(
        content="" if isinstance(message.content, str) else [],
        id=message.id,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )


def _call_chunk(message: AIMessage, **fields: Any) -> AIMessageChunk:
    content: str | list[Any] = "" if isinstance(message.content, str) else []
    return AIMessageChunk(content=content, id=message.id, tool_call_chunks=[tool_call_chunk(**fields)])


def _complete(message: AIMessage, number: int, prompt: Sequence[BaseMessage]) -> AIMessage:
    """A copy with what every provider reports: ids of tool calls, the reason it ended, usage."""
    calls = [
        {**call, "id": call["id"] or f"call_{number}_{index}"} for index, call in enumerate(message.tool_calls, start=1)
    ]
    told = {"model_name": "scripted", "finish_reason": "tool_calls" if calls else "stop"}
    return message.model_copy(
        update={
            "tool_calls": calls,
            "response_metadata": {**told, **message.response_metadata},
            "usage_metadata": message.usage_metadata or estimate_usage("".join(part.text for part in prompt), message),
        }
    )
