"""LangGraph's stream as events of a run. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import AIMessageChunk
from langgraph.types import Interrupt, StreamMode

from lumo_graph.decisions import is_question
from lumo_graph.events import (
    Approval,
    Code,
    Debug,
    Event,
    Observation,
    Output,
    Plan,
    StepEnded,
    Token,
    ToolEnded,
    ToolStarted,
)
from lumo_graph.types import Step

STREAM_MODES: list[StreamMode] = ["messages", "custom", "updates", "values"]

INTERRUPT = "__interrupt__"
"""Where LangGraph puts interrupts, in a stream of updates and in the values of a run."""

_ASKING = frozenset({"plan", "generate_code", "call_model", "answer"})

_CUSTOM: Mapping[str, type[Code | Output | ToolStarted | ToolEnded]] = {
    kind.type: kind for kind in (Code, Output, ToolStarted, ToolEnded)
}


def events_of(mode: str, chunk: Any) -> Iterator[Event]:
    """The events in one chunk of the graph's stream, in order.

    Args:
        mode: the stream mode the chunk came by.
        chunk: as LangGraph gives it for that mode.
    """
    if mode == "messages":
        message, metadata = chunk
        # A tool may call a model of its own: its tokens are not the agent's.
        ours = isinstance(message, AIMessageChunk) and metadata.get("langgraph_node") in _ASKING
        if ours and (text := str(message.text)):
            yield Token(text=text)
    elif mode == "custom":
        yield from _custom(chunk)
    elif mode == "updates":
        for node, update in cast("Mapping[str, Any]", chunk).items():
            if node == INTERRUPT:
                yield from (Approval(request=request) for request in pending_of(update))
            if isinstance(update, dict):
                yield from _of_update(node, cast("dict[str, Any]", update))


def events_below(namespace: Sequence[str], mode: str, chunk: Any) -> Iterator[Event]:
    """The events of an agent that was called: its code, what that prints, and its tool calls.

    Args:
        namespace: of its graph, as LangGraph gives it with `subgraphs=True`: node and agent by turns.
        mode: the stream mode the chunk came by.
        chunk: as LangGraph gives it for that mode.
    """
    if mode != "custom" or len(namespace) % 2:
        return  # a graph that a tool invokes: what it streams is its own
    agent = "/".join(part.partition(":")[0] for part in namespace[1::2])
    yield from (replace(event, agent=agent) for event in _custom(chunk))


def pending_of(interrupts: Iterable[Interrupt]) -> Iterator[Mapping[str, Any]]:
    """What waits for a person, each with its `id`. A tool that asks by itself asks what it likes."""
    for waiting in interrupts:
        value: Any = waiting.value
        asked = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"value": value}
        if "id" in asked and not is_question(asked):
            asked = {"value": asked}  # the tool's own, which says nothing about the question
        yield {"id": waiting.id, **asked}


def _custom(payload: Any) -> Iterator[Code | Output | ToolStarted | ToolEnded]:
    # The stream also carries what the user's own tools write: that is not ours to interpret.
    if isinstance(payload, dict):
        fields = cast("dict[str, Any]", payload)
        if kind := _CUSTOM.get(fields.get("type", "")):
            yield kind(**{name: value for name, value in fields.items() if name != "type"})


def _of_update(node: str, update: dict[str, Any]) -> Iterator[Event]:
    if node == "plan" and update.get("messages"):
        yield Plan(text=str(update["messages"][0].text))
    elif node in {"generate_code", "call_model"}:
        action = update["action"]
        if action["kind"] == "run_code":
            yield Code(step=update["counters"]["steps"], code=action["code"])
    elif node == "observe":
        for step in (Step.from_dict(data) for data in update["steps"]):
            if step.observation:
                yield Observation(step=step.number, text=step.observation, ok=step.error is None)
            yield StepEnded(step=step)
    elif node == "self_debug" and update.get("messages"):
        yield Debug(text=str(update["messages"][0].text))
