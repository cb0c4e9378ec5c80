"""One call of a chat model: streamed, bounded, retried. Sync and async differ only in how they read the stream."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from traceback import format_exception
from typing import Any, NoReturn

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError, LumoGraphError, ModelError
from lumo_graph.models.failures import Failure, describe_failure, read_failure, redact
from lumo_graph.models.providers import model_name, secrets_of
from lumo_graph.models.replies import Draft, StrayReplyError, usage_of
from lumo_graph.models.retries import DEFAULT_RETRY, RetryPolicy, aretrying, retrying
from lumo_graph.steering import steers_the_graph
from lumo_graph.tracing import Chat

MAX_REPLY_CHARS = 400_000
"""Characters after which a reply is taken to be endless."""
_SILENCE_SECONDS = 120.0
"""Within a reply on an event loop, after which it is taken to be dead, whatever keeps its connection alive."""


def call_model(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    tools: Sequence[BaseTool] | None = None,
    config: RunnableConfig | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    max_reply_chars: int = MAX_REPLY_CHARS,
) -> AIMessage:
    """Ask a chat model for one reply.

    The reply is streamed, so the callbacks in `config` see every token as it comes. An attempt that fails in the
    middle has shown its tokens already; the next attempt shows its own from the start, under a new message id.

    Args:
        model: the model.
        messages: the conversation.
        tools: tools the model may call natively.
        config: the LangChain config of the surrounding run. None: the one of the current context.
        retry: how often, and after which waits, a temporary failure is tried again.
        max_reply_chars: characters of text and tool arguments after which the stream is closed.

    Returns:
        One message with an id, empty if the model gave nothing. Its `response_metadata["lumo_graph_cut"]` is True if
        it was cut at `max_reply_chars`. A tool call that was cut is among the `invalid_tool_calls`.

    Raises:
        ConfigurationError: the model cannot call tools.
        ModelError: the provider failed and the retries are used up, or more attempts would not help.
    """
    source = bind_tools(model, tools)
    numbers = count(1)

    def attempt() -> AIMessage:
        draft = Draft(max_chars=max_reply_chars)
        with Chat(model, model_name(model), messages, next(numbers)) as chat:
            stream: Iterator[Any] = source.stream(list(messages), config)
            try:
                for chunk in stream:
                    chat.chunk()
                    if draft.add(chunk):
                        break
            except ValueError as error:
                draft.check_empty(error)
            finally:
                if close := getattr(stream, "close", None):
                    close()
            reply = draft.finish()
            chat.replied(reply, usage_of(reply))
            return reply

    try:
        return retrying(retry, attempt)
    except Exception as error:  # noqa: BLE001 - everything that is not a provider's failure is raised again as it is
        raise_as_model_error(error, model)


async def acall_model(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    tools: Sequence[BaseTool] | None = None,
    config: RunnableConfig | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    max_reply_chars: int = MAX_REPLY_CHARS,
) -> AIMessage:
    """Like `call_model`, without blocking the event loop."""
    source = bind_tools(model, tools)
    numbers = count(1)

    async def attempt() -> AIMessage:
        draft = Draft(max_chars=max_reply_chars)
        with Chat(model, model_name(model), messages, next(numbers)) as chat:
            stream: AsyncIterator[Any] = source.astream(list(messages), config)
            try:
                while (chunk := await _next_of(stream)) is not None:
                    chat.chunk()
                    if draft.add(chunk):
                        break
            except ValueError as error:
                draft.check_empty(error)
            finally:
                if close := getattr(stream, "aclose", None):
                    await close()
            reply = draft.finish()
            chat.replied(reply, usage_of(reply))
            return reply

    try:
        return await aretrying(retry, attempt)
    except Exception as error:  # noqa: BLE001 - everything that is not a provider's failure is raised again as it is
        raise_as_model_error(error, model)


async def _next_of(stream: AsyncIterator[Any]) -> Any:
    """The next chunk of a reply; None at its end."""
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await anext(stream, None)
    except TimeoutError as error:
        raise TimeoutError(f"The reply stopped: nothing came for {_SILENCE_SECONDS:g} s.") from error


def bind_tools(model: BaseChatModel, tools: Sequence[BaseTool] | None) -> Runnable[Any, AIMessage]:
    """The model, offered these tools.

    Raises:
        ConfigurationError: the model cannot call tools.
    """
    if not tools:
        return model
    try:
        return model.bind_tools(tools)
    except NotImplementedError as error:
        raise ConfigurationError(
            f"The model {model_name(model)!r} cannot call tools. "
            "Use agent_type='code-agent', which calls them from code, or a model that can."
        ) from error


def raise_as_model_error(error: Exception, model: BaseChatModel) -> NoReturn:
    """Raise whatever went wrong inside the model as a ModelError; what is not the model's doing, unchanged.

    A provider may send anything, so a ValueError or a RecursionError in reading its reply is its failure too.
    """
    if isinstance(error, (LumoGraphError, AssertionError)) or steers_the_graph(error):
        raise error
    name, secrets = model_name(model), secrets_of(model)
    if isinstance(error, StrayReplyError):
        raise ModelError(f"The model {name!r} {error} Check the model's class.") from error
    text = describe_failure(error, read_failure(error) or Failure(), name, secrets)
    told = "".join(format_exception(error))
    # A cause that holds the key would be printed with every traceback.
    cause = error if redact(told, secrets) == told else None
    raise ModelError(text) from cause
