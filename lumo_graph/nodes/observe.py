"""Turn what an action did into the observation message, the step record and the verdict."""

import uuid
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import (
    Answer,
    RunCode,
    Unparsable,
    action_from_dict,
    check_answer,
    observe_execution,
    observe_rejected_answer,
    observe_unparsable,
    thought_of,
)
from lumo_graph.errors import ConfigurationError
from lumo_graph.models import model_name
from lumo_graph.nodes.asking import usage_so_far
from lumo_graph.nodes.marking import tell
from lumo_graph.nodes.routes import reached_limit
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, ToolResult, Update
from lumo_graph.storable import storable
from lumo_graph.types import Execution, Restore, Step, ToolCall

_NO_ANSWER = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An action as observed."""

    text: str = ""
    """The observation; empty if there is nothing to tell the model."""
    messages: tuple[BaseMessage, ...] = ()
    answer: Any = _NO_ANSWER
    failed: bool = False
    error: str | None = None
    code: str | None = None
    calls: tuple[ToolCall, ...] = ()
    seconds: float = 0.0


class Observe:
    """Observes, records the step, and says whether the run is over."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """The same, from an event loop: there is nothing to wait for."""
        return self.run(state, config)

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """The update after an action of either branch."""
        del config
        seen = self._check(see(state))
        counters = state["counters"]
        failures = counters["failures"] + 1 if seen.failed else 0
        step = Step(
            number=counters["steps"],
            thought=_thought(state),
            code=seen.code,
            calls=seen.calls,
            observation=seen.text,
            error=seen.error,
            seconds=seen.seconds,
            restore=cast("Restore | None", state.get("restore")),
        )
        update: Update = {
            "messages": list(seen.messages),
            "steps": [step.to_dict()],
            "counters": {**counters, "failures": failures},
            "action": None,
            "results": None,
        }
        if not (seen.failed and state.get("execution")):
            update["execution"] = None  # self_debug is the only other reader
        if seen.answer is not _NO_ANSWER:
            return {**update, "answer": storable(seen.answer), "outcome": "answered"}
        usage = usage_so_far(state)
        if state["run"]["limits"]["max_cost"] is not None and usage.cost is None:
            # Here, and not where the model is called: the reply that was paid for is in the checkpoint.
            name = model_name(self._setup.model)
            raise ConfigurationError(f"Limits.max_cost is set, but {name!r} reports no cost. Use max_tokens instead.")
        return {**update, "outcome": reached_limit(state["run"], update["counters"], usage)}

    def _check(self, seen: Seen) -> Seen:
        """The same, unless the answer is not what `response_format` asks for: then a failed action that says so."""
        if seen.answer is _NO_ANSWER or self._setup.response_format is None:
            return seen
        answer, problem = check_answer(seen.answer, self._setup.response_format)
        if problem is None:
            return replace(seen, answer=answer)
        text = "\n\n".join(part for part in (seen.text, observe_rejected_answer(problem)) if part)
        *others, last = seen.messages or (tell(""),)
        told = last.model_copy(update={"content": text, "id": uuid.uuid4().hex})
        return replace(
            seen, text=text, messages=(*others, told), answer=_NO_ANSWER, failed=True, error="ValidationError"
        )


def see(state: AgentState) -> Seen:
    """What the action in the state did, before any verdict."""
    match action_from_dict(state.get("action") or {}):
        case RunCode(code=code):
            return _see_execution(state, code)
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
        answer=execution.answer.plain if execution.answer is not None else _NO_ANSWER,
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
    messages = tuple(
        ToolMessage(
            it["text"],
            tool_call_id=it["call_id"],
            name=it["name"],
            id=uuid.uuid4().hex,
            status="success" if it["ok"] else "error",
        )
        for it in ordered
    )
    answers = [it["answer"] for it in results if "answer" in it]
    return Seen(
        text="\n\n".join(it["text"] if len(results) == 1 else f"{it['name']}: {it['text']}" for it in results),
        messages=messages,
        answer=answers[0] if answers else _NO_ANSWER,
        calls=calls,
        seconds=max((it["seconds"] for it in results), default=0.0),
    )


def _thought(state: AgentState) -> str:
    replies = [message for message in state["messages"][-1:] if isinstance(message, AIMessage)]
    return thought_of(replies[0]) if replies else ""
