"""The JSON of the chat completions protocol, made from messages."""

import json
import time
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from langchain_core.messages import AIMessage

from lumo_graph.testing.script import estimate_usage, pieces, slices


def completion(reply: str | AIMessage, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The answer to a request that does not stream.

    Args:
        reply: what the model says.
        body: the request.
        number: of the request, from 1; it makes the ids.
    """
    message = _message(reply)
    calls = _tool_calls(message, number)
    told: dict[str, Any] = {"role": "assistant", "content": message.text or None, "refusal": None}
    if calls:
        told["tool_calls"] = calls
    choice = {"index": 0, "message": told, "finish_reason": _finish_reason(message), "logprobs": None}
    return {**_head(body, number, "chat.completion"), "choices": [choice], "usage": _usage(message, body)}


def completion_chunks(reply: str | AIMessage, body: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """The answer to a request that streams, event by event, without the closing `[DONE]`."""
    options: Mapping[str, Any] = body.get("stream_options") or {}
    message = _message(reply)
    yield _chunk(body, number, {"role": "assistant", "content": ""})
    for text in pieces(message.text):
        yield _chunk(body, number, {"content": text})
    for index, call in enumerate(_tool_calls(message, number)):
        function = call["function"]
        opening = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        yield _chunk(body, number, {"tool_calls": [opening]})
        for part in slices(function["arguments"]):
            yield _chunk(body, number, {"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield _chunk(body, number, {}, finish_reason=_finish_reason(message))
    if options.get("include_usage"):
        yield {**_head(body, number, "chat.completion.chunk"), "choices": [], "usage": _usage(message, body)}


def endless_chunks(text: str, body: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """An answer that streams the same text for ever."""
    deltas = chain([{"role": "assistant", "content": ""}], repeat({"content": text}))
    return (_chunk(body, number, delta) for delta in deltas)


def _message(reply: str | AIMessage) -> AIMessage:
    return AIMessage(content=reply) if isinstance(reply, str) else reply


def _head(body: Mapping[str, Any], number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": body.get("model")}


def _chunk(
    body: Mapping[str, Any], number: int, delta: Mapping[str, Any], *, finish_reason: str | None = None
) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {**_head(body, number, "chat.completion.chunk"), "choices": [choice]}


def _tool_calls(message: AIMessage, number: int) -> list[dict[str, Any]]:
    calls = [(call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls]
    calls += [(call["name"] or "", call["args"] or "", call["id"]) for call in message.invalid_tool_calls]
    return [
        {"id": call_id or f"call_{number}_{index}", "type": "function", "function": {"name": name, "arguments": args}}
        for index, (name, args, call_id) in enumerate(calls, start=1)
    ]


def _finish_reason(message: AIMessage) -> str:
    called = message.tool_calls or message.invalid_tool_calls
    return message.response_metadata.get("finish_reason") or ("tool_calls" if called else "stop")


def _usage(message: AIMessage, body: Mapping[str, Any]) -> dict[str, int]:
    prompt = "".join(str(part.get("content") or "") for part in body["messages"])
    usage = message.usage_metadata or estimate_usage(prompt, message)
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
