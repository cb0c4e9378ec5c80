"""From the chunks of a stream to one message, bounded; and what that message used."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessage, InvalidToolCall, ToolCall

from lumo_graph.models.tidying import tidy_reply
from lumo_graph.types import Usage

CUT_MARK = "lumo_graph_cut"
"""Key in `response_metadata` of a reply that was cut because it did not end."""


_MOST_TOKENS = 10**12
"""No reply has more; a provider that says so is not believed, and the sum must be storable."""


class StrayReplyError(TypeError):
    """A model gave something that is not a message of an assistant."""


class Draft:
    """A reply while it comes in. Chunks are merged once, at the end: adding them one by one would be quadratic."""

    def __init__(self, *, max_chars: int) -> None:
        self._max_chars = max_chars
        self._parts: list[AIMessage] = []
        self._chars = 0

    def add(self, part: object) -> bool:
        """Take the next part of the reply; True if that was enough and the stream should be closed."""
        message = _as_assistant(part)
        self._parts.append(message)
        # At least one each: a stream of empty chunks must end too.
        self._chars += max(1, size_of(message))
        return self.is_cut

    @property
    def is_cut(self) -> bool:
        """The reply went beyond the limit."""
        return self._chars > self._max_chars

    def check_empty(self, error: ValueError) -> None:
        """Accept LangChain's complaint about a stream without chunks, which is an empty reply; raise all else."""
        if self._parts or not str(error).startswith("No generation"):
            raise error

    def finish(self) -> AIMessage:
        """The whole reply as one message."""
        message = _merge(self._parts)
        return tidy_reply(cut_reply(message, self._max_chars) if self.is_cut else message)


def size_of(message: AIMessage) -> int:
    """Characters of text, reasoning and tool arguments."""
    chars = _text_size(message.content)
    chars += sum(len(value) for value in message.additional_kwargs.values() if isinstance(value, str))
    if isinstance(message, AIMessageChunk):
        return chars + sum(len(call["args"] or "") for call in message.tool_call_chunks)
    return chars + sum(len(str(call["args"])) for call in (*message.tool_calls, *message.invalid_tool_calls))


def cut_reply(message: AIMessage, max_chars: int) -> AIMessage:
    """The first `max_chars` characters of a reply, marked as cut.

    Tool calls that do not fit become invalid ones: half of an argument must not be taken for the whole.
    """
    content, left = _cut_content(message.content, max_chars)
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in message.tool_calls:
        text = json.dumps(call["args"], default=str)
        if len(text) <= left:
            calls.append(call)
        else:
            invalid.append(_invalid(call["name"], text[:left], call["id"]))
        left = max(0, left - len(text))
    for broken in message.invalid_tool_calls:
        invalid.append(_invalid(broken["name"], (broken["args"] or "")[:left], broken["id"]))
        left = max(0, left - len(broken["args"] or ""))
    extra = {name: value for name, value in message.additional_kwargs.items() if len(str(value)) <= max_chars}
    # Providers keep raw copies of the tool calls there, which would be sent back in place of these.
    extra.pop("tool_calls", None)
    return message.model_copy(
        update={
            "content": content,
            "tool_calls": calls,
            "invalid_tool_calls": invalid,
            "additional_kwargs": extra,
            "response_metadata": {**message.response_metadata, CUT_MARK: True},
        }
    )


def usage_of(reply: AIMessage) -> Usage:
    """What one reply used, as far as its provider reports it.

    Args:
        reply: a reply of `call_model`.

    Returns:
        One model call; tokens from `usage_metadata`, else from the provider's own report in `response_metadata`; the
        cost if that report has one.
    """
    report = _report_of(reply.response_metadata)
    if reply.usage_metadata:
        tokens = reply.usage_metadata["input_tokens"], reply.usage_metadata["output_tokens"]
    else:
        tokens = _first(report, "prompt_tokens", "input_tokens"), _first(report, "completion_tokens", "output_tokens")
    cost = _first({**reply.response_metadata, **report}, "cost", "total_cost")
    return Usage(
        model_calls=1,
        input_tokens=_count(tokens[0]),
        output_tokens=_count(tokens[1]),
        cost=None if cost is None else float(cost),
    )


def _count(tokens: float | None) -> int:
    return min(int(tokens or 0), _MOST_TOKENS)


def _as_assistant(part: object) -> AIMessage:
    if isinstance(part, AIMessage):
        return part
    if isinstance(part, ChatMessage):  # how LangChain reads a role it does not know, such as "model"
        return AIMessageChunk(content=part.content, id=part.id, response_metadata=part.response_metadata)
    raise StrayReplyError(f"gave a {type(part).__name__} where an AIMessage was expected.")


def _merge(parts: list[AIMessage]) -> AIMessage:
    if not parts:
        return AIMessage(content="", id=_new_id())
    if len(parts) == 1 and not isinstance(parts[0], AIMessageChunk):
        return parts[0].model_copy(update={"id": parts[0].id or _new_id()})
    chunks = [part if isinstance(part, AIMessageChunk) else _as_chunk(part) for part in parts]
    whole = chunks[0] + chunks[1:]
    calls, invalid = _whole_calls(whole) if whole.tool_call_chunks else (whole.tool_calls, whole.invalid_tool_calls)
    return AIMessage(
        content=whole.content,
        additional_kwargs=whole.additional_kwargs,
        response_metadata=whole.response_metadata,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=whole.usage_metadata,
        id=whole.id or _new_id(),
    )


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    return AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
        usage_metadata=message.usage_metadata,
        id=message.id,
    )


def _whole_calls(chunk: AIMessageChunk) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The tool calls of a streamed reply. LangChain completes half a JSON object and calls it whole; here it is not."""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in chunk.tool_call_chunks:
        try:
            args = json.loads(call["args"] or "{}", strict=False)
        except json.JSONDecodeError:
            args = None
        if isinstance(args, dict):
            calls.append(ToolCall(name=call["name"] or "", args=cast("dict[str, Any]", args), id=call["id"]))
        else:
            invalid.append(_invalid(call["name"], call["args"] or "", call["id"]))
    return calls, invalid


def _invalid(name: str | None, args: str, call_id: str | None) -> InvalidToolCall:
    error = "The arguments are not a complete JSON object."
    return InvalidToolCall(type="invalid_tool_call", name=name, args=args, id=call_id, error=error)


def _new_id() -> str:
    return str(uuid4())


def _text_size(content: str | list[Any]) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(block) if isinstance(block, str) else _block_size(block) for block in content)


def _block_size(block: Mapping[str, Any]) -> int:
    return sum(len(value) for value in block.values() if isinstance(value, str))


def _cut_content(content: str | list[Any], max_chars: int) -> tuple[str | list[Any], int]:
    """The first `max_chars` characters of the content, and how many of them are left."""
    if isinstance(content, str):
        return content[:max_chars], max(0, max_chars - len(content))
    kept: list[Any] = []
    left = max_chars
    for block in content:
        if left <= 0:
            break
        if isinstance(block, str):
            kept.append(block[:left])
        elif _block_size(block) <= left:
            kept.append(block)
        elif isinstance(text := block.get("text"), str):
            kept.append({**block, "text": text[:left]})
        left -= len(block) if isinstance(block, str) else _block_size(block)
    return kept, max(0, left)


def _report_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("token_usage", "usage"):
        if isinstance(report := metadata.get(name), Mapping):
            return cast("Mapping[str, Any]", report)
    return {}


def _first(report: Mapping[str, Any], *names: str) -> float | None:
    """The first of these entries that is a number from 0."""
    for name in names:
        value = report.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
            return value
    return None
