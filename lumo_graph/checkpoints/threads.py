"""What is stored: one summary a thread."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointTuple

from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.checkpoints.rows import rows_of
from lumo_graph.errors import ConfigurationError

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSummary:
    """A stored thread and where its last run stands."""

    thread_id: str
    task: str
    agent_type: str
    outcome: str | None
    """None: the run has not ended; `resume` continues it."""
    steps: int
    updated_at: str
    """Time of the last checkpoint, ISO 8601."""


def list_threads(saver: Checkpointer) -> list[ThreadSummary]:
    """The threads of a store that an agent of this library ran, the one used last first."""
    newest = (saver.get_tuple({"configurable": {"thread_id": thread_id}}) for thread_id in _thread_ids(saver))
    found = [summary for stored in newest if stored is not None and (summary := _summary(stored)) is not None]
    return sorted(found, key=lambda summary: summary.updated_at, reverse=True)


def check_thread(checkpointer: str | Checkpointer, thread_id: str) -> None:
    """Refuse a thread that is not there.

    Raises:
        ConfigurationError: it is not; says which are.
    """
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        if saver is not None and saver.get_tuple({"configurable": {"thread_id": thread_id}}) is None:
            raise no_thread(saver, thread_id)


def no_thread(saver: Checkpointer, thread_id: str) -> ConfigurationError:
    """The error about a thread that is not in a store, with those that are."""
    known = [thread.thread_id for thread in list_threads(saver)]
    named = ", ".join(map(repr, known[:_MOST_NAMED]))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    there = f"It has {named}{more}" if known else "It has none of an agent"
    return ConfigurationError(f"There is no thread {thread_id!r} in this store. {there}; `lumo threads` lists them.")


def _thread_ids(saver: Checkpointer) -> Iterable[str]:
    if (rows := rows_of(saver)) is not None:
        return rows.thread_ids()
    # Every run leaves one checkpoint with the source "input": far fewer than there are checkpoints.
    return {_thread_id(stored) for stored in saver.list(None, filter={"source": "input"})}


def _thread_id(stored: CheckpointTuple) -> str:
    return str(stored.config.get("configurable", {})["thread_id"])


def _summary(stored: CheckpointTuple) -> ThreadSummary | None:
    values = stored.checkpoint["channel_values"]
    if not isinstance(values.get("run"), dict) or not isinstance(values.get("counters"), dict):
        return None  # another graph's thread
    run, counters = cast("dict[str, Any]", values["run"]), cast("dict[str, Any]", values["counters"])
    return ThreadSummary(
        thread_id=_thread_id(stored),
        task=str(run.get("task", "")),
        agent_type=str(run.get("agent_type", "")),
        outcome=values.get("outcome") if run.get("closing") else None,
        steps=int(counters.get("steps", 0)),
        updated_at=stored.checkpoint["ts"],
    )
