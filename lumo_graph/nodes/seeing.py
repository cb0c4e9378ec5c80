"""What an action did, as the model and the record of the step are told of it. Pure but for the ids of messages."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from lumo_graph.dialects import (
    PYTHON_INTERPRETER,
    Answer,
    RunCode,
    Unparsable,
    action_from_dict,
    observe_execution,
    observe_unparsable,
)
from lumo_graph.nodes.marking import tell
from lumo_graph.state import AgentState, ToolResult
from lumo_graph.types import Execution, ToolCall

NO_ANSWER = object()

_RUN_TOGETHER = "This code ran together with that of the next call, whose result is the result of both."
_NOT_TAKEN = "The answer was not taken, because the code of the same reply failed. Look at its error first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An action as observed."""

    text: str = ""
    """The observation; empty if there is nothing to tell the model."""
    messages: tuple[BaseMessage, ...] = ()
    answer: Any = NO_ANSWER
    failed: bool = False
    error: str | None = None
    code: str | None = None
    calls: tuple[ToolCall, ...] = ()
    seconds: float = 0.0


def see(state: AgentState) -> Seen:
    """What the action in the state did, before any verdict."""
    match action_from_dict(state.get("action") or {}):
        case RunCode(code=code, call_ids=()):
            return _see_execution(state, code)
        case RunCode(code=code, call_ids=call_ids):
            return _together(_see_results(state.get("results") or []), _see_execution(state, code), call_ids)
        case Answer(value=value):
            return Seen(answer=value)
        case Unparsable(reason=reason):
            text = observe_unparsable(reason)
            return Seen(text=text, messages=(tell(text),), failed=True, error="Unparsable")
        case _:
            return _see_results(state.get("results") or [])


def _see_execution(state: AgentState, code: str) -> Seen:
    execution = Execution.from_dict(state.get("execution") or {})
    text = observe_execution(
        execution,
        limit=state["run"]["limits"]["max_observation_chars"],
        lost=state.get("lost", {}),
        unsaved=state.get("at_risk", {}),
    )
    answered = execution.answer is not None
    return Seen(
        text=text,
        messages=(tell(text),),
        answer=execution.answer.plain if execution.answer is not None else NO_ANSWER,
        failed=execution.error is not None and not answered,
        error=execution.error.kind if execution.error and not answered else None,
        code=code,
        calls=execution.calls,
        seconds=execution.seconds,
    )


def _see_results(results: list[ToolResult]) -> Seen:
    calls = tuple(
        ToolCall(
            name=it["name"],
            args=it["args"],
            ok=it["ok"],
            preview=it["preview"],
            seconds=it["seconds"],
            replayed=it.get("replayed", False),
            edited=it.get("edited", False),
        )
        for it in results
    )
    # The answer comes last, so that a rejection can be told in its own tool message.
    ordered = sorted(results, key=lambda result: "answer" in result)
    messages = tuple(_tool_message(it["text"], it["call_id"], it["name"], ok=it["ok"]) for it in ordered)
    answers = [it["answer"] for it in results if "answer" in it]
    return Seen(
        text="\n\n".join(it["text"] if len(results) == 1 else f"{it['name']}: {it['text']}" for it in results),
        messages=messages,
        answer=answers[0] if answers else NO_ANSWER,
        calls=calls,
        seconds=max((it["seconds"] for it in results), default=0.0),
    )


def _together(calls: Seen, code: Seen, call_ids: Sequence[str]) -> Seen:
    """Calls of a reply, and the code that other calls of it asked for. Each call gets its tool message."""
    text = code.text.removeprefix("Observation:\n")
    told = [
        *(_tool_message(_RUN_TOGETHER, call_id, PYTHON_INTERPRETER, ok=True) for call_id in call_ids[:-1]),
        _tool_message(text, call_ids[-1], PYTHON_INTERPRETER, ok=not code.failed),
    ]
    messages, answer = [*calls.messages, *told], code.answer
    if calls.answer is not NO_ANSWER and code.failed:
        said = calls.messages[-1]
        messages = [*calls.messages[:-1], said.model_copy(update={"content": _NOT_TAKEN}), *told]
    elif code.answer is NO_ANSWER and calls.answer is not NO_ANSWER:
        messages, answer = [*calls.messages[:-1], *told, calls.messages[-1]], calls.answer
    return replace(
        code,
        text="\n\n".join(part for part in (calls.text, text) if part),
        messages=tuple(messages),
        answer=answer,
        calls=(*calls.calls, *code.calls),
        seconds=calls.seconds + code.seconds,
    )


def _tool_message(text: str, call_id: str, name: str, *, ok: bool) -> ToolMessage:
    status = "success" if ok else "error"
    return ToolMessage(text, tool_call_id=call_id, name=name, id=uuid.uuid4().hex, status=status)
