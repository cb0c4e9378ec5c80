"""A reply as it may be stored and sent back: whatever the model wrote, the checkpoint and the provider must take it."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall

from lumo_graph.text import whole_characters

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_TOO_LARGE = "An argument has more than 64 bits. Write such a number as text."


def tidy_reply(message: AIMessage) -> AIMessage:
    """The reply without lone surrogates and without numbers that msgpack cannot hold, each tool call with its own id.

    A tool call with such a number becomes an invalid one: what is sent must be what was meant.
    """
    ids: set[str] = set()
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in message.tool_calls:
        name, args, call_id = whole_characters(call["name"]), _tidy(call["args"]), _own_id(call["id"], ids)
        if _is_storable(args):
            calls.append(ToolCall(name=name, args=args, id=call_id))
        else:
            invalid.append(
                InvalidToolCall(type="invalid_tool_call", name=name, args=str(args), id=call_id, error=_TOO_LARGE)
            )
    invalid += [
        cast("InvalidToolCall", {**_tidy(broken), "id": _own_id(broken["id"], ids)})
        for broken in message.invalid_tool_calls
    ]
    return message.model_copy(
        update={
            "content": _tidy(message.content),
            "tool_calls": calls,
            "invalid_tool_calls": invalid,
            "additional_kwargs": _shrunk(_tidy(message.additional_kwargs)),
            "response_metadata": _shrunk(_tidy(message.response_metadata)),
        }
    )


def _own_id(call_id: str | None, taken: set[str]) -> str:
    unique = whole_characters(call_id) if call_id and call_id not in taken else f"call_{uuid4().hex}"
    taken.add(unique)
    return unique


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, dict):
        return {_tidy(key): _tidy(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_tidy(item) for item in cast("list[Any]", value)]
    return value


def _is_storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_storable(item) for item in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, list):
        return all(_is_storable(item) for item in cast("list[Any]", value))
    return not isinstance(value, int) or _SMALLEST <= value <= _LARGEST


def _shrunk(value: Any) -> Any:
    """The same with numbers that are too large as text: these are notes, nothing acts on them."""
    if isinstance(value, dict):
        return {key: _shrunk(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_shrunk(item) for item in cast("list[Any]", value)]
    return value if _is_storable(value) else str(value)
