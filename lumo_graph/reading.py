"""Where a thread stands, read from its last checkpoint: no model, no tool and no agent is needed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.types import Interrupt

from lumo_graph.artifacts import artifacts_of
from lumo_graph.checkpoints import Checkpointer, ThreadSummary, open_checkpointer, read_summary, whole_values
from lumo_graph.checkpoints.deltas import value_of
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import RunResult
from lumo_graph.streaming import INTERRUPT, pending_of
from lumo_graph.types import Isolation, Step, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredThread:
    """A thread as it is stored."""

    summary: ThreadSummary
    result: RunResult
    """What its last run has come to by now; of a run that has not ended, the outcome is `interrupted`."""
    metadata: Mapping[str, Any] = field(repr=False)
    """What LangGraph stores beside the checkpoint."""


def read_thread(checkpointer: str | Checkpointer, thread_id: str) -> StoredThread | None:
    """Where a thread stands; None if there is no such thread of an agent.

    Raises:
        ConfigurationError: the store cannot be used, or what is stored cannot be read.
    """
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        if saver is None:
            raise ConfigurationError("A checkpointer is needed, such as 'sqlite:///runs.db', not None.")
        summary, stored = read_summary(saver, thread_id)
        if summary is None:
            return None
        if stored is None or summary.damaged:
            raise ConfigurationError(f"What is stored of thread {thread_id!r} cannot be read.")
        held = {name: value_of(value) for name, value in stored.checkpoint["channel_values"].items()}
        values = {**held, **whole_values(saver, stored)}
        if summary.outcome is None:
            values |= {"outcome": None, "answer": None}
        if summary.waiting:
            values[INTERRUPT] = _asked(stored.pending_writes or ())
        return StoredThread(summary=summary, result=result_of(values, thread_id), metadata=stored.metadata)


async def aread_thread(checkpointer: str | Checkpointer, thread_id: str) -> StoredThread | None:
    """`read_thread` from an event loop."""
    return await asyncio.to_thread(read_thread, checkpointer, thread_id)


def result_of(values: Mapping[str, Any], thread_id: str | None) -> RunResult:
    """What a run came to, of the values of its graph."""
    return RunResult(
        pending=tuple(pending_of(values.get(INTERRUPT, ()))),
        answer=values.get("answer"),
        outcome=values.get("outcome") or "interrupted",
        steps=tuple(Step.from_dict(step) for step in values.get("steps", ())),
        messages=tuple(values.get("messages", ())),
        usage=Usage(**values.get("usage", {})),
        isolation=Isolation.from_dict(values["isolation"]) if values.get("isolation") else None,
        thread_id=thread_id,
        artifacts=artifacts_of(values.get("artifacts", {})),
    )


def _asked(writes: Any) -> list[Interrupt]:
    return [interrupt for _, channel, asked in writes if channel == INTERRUPT for interrupt in asked]
