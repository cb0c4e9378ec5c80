"""LangChain's messages in the form in which OpenTelemetry tells a conversation: a role, and parts. Pure.

See https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ for the form.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, SystemMessage, ToolMessage

_ROLES = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system"}


def instructions_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """The parts of the system messages."""
    return [part for message in messages if isinstance(message, SystemMessage) for part in _content_parts(message)]


def conversation_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """All other messages."""
    return [
        {"role": _role(message), "parts": [*_parts(message)]}
        for message in messages
        if not isinstance(message, SystemMessage)
    ]


def output_of(reply: AIMessage, finish_reason: str) -> list[dict[str, Any]]:
    """The reply of a model."""
    return [{"role": "assistant", "parts": [*_parts(reply)], "finish_reason": finish_reason}]


def said(role: str, text: str) -> dict[str, Any]:
    """A message that is only a text."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def redacted(told: Sequence[Mapping[str, Any]], clean: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """Messages, or parts of one, in the same form, with all that somebody has said or chosen gone through `clean`."""
    return [{name: _redacted(name, value, clean) for name, value in one.items()} for one in told]


def _redacted(name: str, value: Any, clean: Callable[[Any], Any]) -> Any:
    if name == "parts":
        return redacted(value, clean)
    ours = name == "type" or (name == "role" and value in _ROLES.values())
    return value if ours else clean(value)


def _role(message: BaseMessage) -> str:
    return message.role if isinstance(message, ChatMessage) else _ROLES.get(message.type, message.type)


def _parts(message: BaseMessage) -> Iterator[dict[str, Any]]:
    if isinstance(message, ToolMessage):
        yield {"type": "tool_call_response", "id": message.tool_call_id, "response": str(message.text)}
        return
    yield from _content_parts(message)
    if isinstance(message, AIMessage):
        for call in message.tool_calls:
            yield {"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["args"]}
        for broken in message.invalid_tool_calls:
            name = broken["name"] or "unknown"
            yield {"type": "tool_call", "id": broken["id"], "name": name, "arguments": broken["args"]}


def _content_parts(message: BaseMessage) -> Iterator[dict[str, Any]]:
    blocks: Sequence[Any] = [message.content] if isinstance(message.content, str) else message.content
    for block in blocks:
        if isinstance(block, str):
            if block:
                yield {"type": "text", "content": block}
        elif isinstance(block, Mapping):
            yield from _block_part(cast("Mapping[str, Any]", block))


def _block_part(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = str(block.get("type", "unknown"))
    if isinstance(text := block.get("text"), str):
        yield {"type": "text", "content": text}
    elif isinstance(text := block.get("reasoning", block.get("thinking")), str):
        yield {"type": "reasoning", "content": text}
    elif kind not in {"tool_call", "tool_use", "function_call", "tool_call_chunk"}:  # those are told as tool calls
        yield {"type": kind}  # an image or a file: that it was there, not its bytes
