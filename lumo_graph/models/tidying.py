"""A reply as it may be stored and sent back: whatever the model wrote, the checkpoint and the provider must take it."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall

from lumo_graph.storable import LARGEST_INT, SMALLEST_INT, storable, whole_characters

_TOO_LARGE = "An argument has more than 64 bits. Write such a number as text."


def tidy_reply(message: AIMessage) -> AIMessage:
    """The reply without lone surrogates and without numbers that msgpack cannot hold, each tool call with its own id.

    A tool call with such a number becomes an invalid one: what is sent must be what was meant.
    """
    ids: set[str] = set()
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in message.tool_calls:
        name, args, call_id = whole_characters(call["name"]), storable(call["args"]), _own_id(call["id"], ids)
        if _fits(call["args"]):
            calls.append(ToolCall(name=name, args=args, id=call_id))
        else:
            invalid.append(
                InvalidToolCall(type="invalid_tool_call", name=name, args=str(args), id=call_id, error=_TOO_LARGE)
            )
    invalid += [
        cast("InvalidToolCall", {**storable(broken), "id": _own_id(broken["id"], ids)})
        for broken in message.invalid_tool_calls
    ]
    return message.model_copy(
        update={
            "content": storable(message.content),
            "tool_calls": calls,
            "invalid_tool_calls": invalid,
            "additional_kwargs": storable(message.additional_kwargs),
            "response_metadata": storable(message.response_metadata),
        }
    )


def _own_id(call_id: str | None, taken: set[str]) -> str:
    unique = whole_characters(call_id) if call_id and call_id not in taken else f"call_{uuid4().hex}"
    taken.add(unique)
    return unique


def _fits(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_fits(item) for item in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, list):
        return all(_fits(item) for item in cast("list[Any]", value))
    return not isinstance(value, int) or SMALLEST_INT <= value <= LARGEST_INT
