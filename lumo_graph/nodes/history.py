"""Earlier messages that a run is given, as a provider takes them: each tool call with its tool message."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, convert_to_messages

from lumo_graph.errors import ConfigurationError
from lumo_graph.models.tidying import tidy_reply
from lumo_graph.storable import whole_characters

_UNANSWERED = "Error: the run ended before this call was answered."
_SHOWN = 200


def check_history(history: Any) -> list[BaseMessage]:
    """Earlier messages, as dicts or as LangChain messages.

    Args:
        history: dicts have a `role` (`user`, `assistant`, `system` or `tool`) and a `content`. An assistant's may have
            `tool_calls`, as OpenAI writes them (`{"id", "type", "function": {"name", "arguments"}}`) or as LangChain
            does; a tool's has the `tool_call_id` of the call it answers.

    Raises:
        ConfigurationError: something is no message, or answers a call that nobody made.
    """
    if not isinstance(history, Sequence) or isinstance(history, (str, bytes)):
        raise _wrong(f"it is of class {type(history).__name__}")
    messages = [_message(given) for given in cast("Sequence[Any]", history)]
    asked: set[str | None] = set()
    for message in messages:
        if isinstance(message, AIMessage):
            asked |= {call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)}
        elif isinstance(message, ToolMessage) and message.tool_call_id not in asked:
            raise _wrong(f"no message before the tool's has the call {message.tool_call_id!r} that it answers")
    return answered(messages)


def answered(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages, each tool call of a run that never ended with a tool message: providers refuse it without one."""
    told = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    whole: list[BaseMessage] = []
    for message in messages:
        whole.append(message)
        if isinstance(message, AIMessage):
            calls = [*message.tool_calls, *message.invalid_tool_calls]
            whole += [
                ToolMessage(_UNANSWERED, tool_call_id=call["id"], name=call["name"] or "unknown", status="error")
                for call in calls
                if call["id"] and call["id"] not in told
            ]
    return whole


def _message(given: Any) -> BaseMessage:
    fields = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else None
    try:
        message = convert_to_messages([cast("Any", given)])[0] if fields is None else _read(fields)
    except ConfigurationError:
        raise
    except (ValueError, TypeError, NotImplementedError, KeyError, AttributeError) as error:
        raise _wrong(_reason(error)) from error
    if isinstance(message.content, str):
        message.content = whole_characters(message.content)
    return tidy_reply(message) if isinstance(message, AIMessage) else message


def _read(given: Mapping[str, Any]) -> BaseMessage:
    fields = {key: value for key, value in given.items() if value is not None}
    if fields.get("role") == "tool" and not isinstance(fields.get("tool_call_id"), str):
        raise _wrong("a tool's message needs the tool_call_id of the call that it answers")
    calls = fields.pop("tool_calls", None) or ()
    if not isinstance(calls, Sequence) or isinstance(calls, (str, bytes)):
        raise _wrong("tool_calls must be a list")
    read = [_call(call) for call in cast("Sequence[Any]", calls)]
    if read:
        fields.setdefault("content", "")  # what only calls tools may say nothing
    (message,) = convert_to_messages([fields])
    if not read:
        return message
    if not isinstance(message, AIMessage):
        raise _wrong("only an assistant's message has tool_calls")
    return message.model_copy(
        update={
            "tool_calls": [call for call in read if "error" not in call],
            "invalid_tool_calls": [call for call in read if "error" in call],
        }
    )


def _call(given: Any) -> dict[str, Any]:
    """A call of an assistant; one whose arguments are no JSON is kept as what it was."""
    call = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else {})
    inner = call.get("function")
    function = cast("Mapping[str, Any]", inner if isinstance(inner, Mapping) else call)
    call_id, name = call.get("id"), function.get("name")
    if not isinstance(call_id, str) or not call_id or not isinstance(name, str) or not name:
        raise _wrong("each tool call needs an id and a name")
    arguments = function.get("arguments", function.get("args"))
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            told = f"not JSON: {_reason(error)}"
            return {"type": "invalid_tool_call", "id": call_id, "name": name, "args": arguments, "error": told}
    if not isinstance(arguments, Mapping):
        arguments = {}
    return {"type": "tool_call", "id": call_id, "name": name, "args": dict(cast("Mapping[str, Any]", arguments))}


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:_SHOWN]


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(f"history must be a list of messages with role and content; {reason.rstrip('.')}.")
