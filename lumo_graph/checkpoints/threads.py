"""What is stored: one summary a thread."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import START

from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.checkpoints.rows import rows_of
from lumo_graph.errors import ConfigurationError

_MOST_NAMED = 5
_NEVER = "1970-01-01T00:00:00+00:00"
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError)
"""What reading raises where bytes are not those that were written."""
_NEXT, _ASKED, _ANSWERED = "branch:to:", "__interrupt__", "__resume__"
_ANSWER = "00000000-0000-0000-0000-000000000000"
"""The task under whose id LangGraph stores what a person has answered."""


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
    waiting: bool = False
    """It waits for a person."""
    damaged: str = ""
    """Why what is stored of it cannot be read; nothing else is known of it then."""


def list_threads(saver: Checkpointer, *, most: int | None = None) -> list[ThreadSummary]:
    """The threads of a store that an agent of this library ran, the one used last first.

    Args:
        saver: the store.
        most: of them, the first ones; the others are not read. None: all.
    """
    read = (read_summary(saver, name)[0] for name in _thread_ids(saver))
    found = islice((summary for summary in read if summary is not None), most)
    return sorted(found, key=lambda summary: summary.updated_at, reverse=True)


def check_thread(checkpointer: str | Checkpointer, thread_id: str) -> None:
    """Refuse a thread that is not there.

    Raises:
        ConfigurationError: it is not; says which are.
    """
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        if saver is not None and not is_stored(saver, thread_id):
            raise no_thread(saver, thread_id)


def is_stored(saver: Checkpointer, thread_id: str) -> bool:
    """Whether there is such a thread, readable or not."""
    try:
        return saver.get_tuple({"configurable": {"thread_id": thread_id}}) is not None
    except _DAMAGE:
        return True


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


def read_summary(saver: Checkpointer, thread_id: str) -> tuple[ThreadSummary | None, CheckpointTuple | None]:
    """A thread and its last checkpoint; None for the thread if no agent of this library ran it."""
    try:
        stored = saver.get_tuple({"configurable": {"thread_id": thread_id}})
        return (None if stored is None else summary_of(stored)), stored
    except _DAMAGE as failure:  # one thread that cannot be read must not hide the others
        why = f"{type(failure).__name__}: {failure}"
        return ThreadSummary(
            thread_id=thread_id, task="", agent_type="", outcome=None, steps=0, updated_at=_NEVER, damaged=why
        ), None


def summary_of(stored: CheckpointTuple) -> ThreadSummary | None:
    """The thread of a checkpoint; None if no agent of this library ran it."""
    values = stored.checkpoint["channel_values"]
    # What a new run was asked, before `prepare` has made it the thread's run.
    asked = values.get(START) if isinstance(values.get(START), dict) else values
    task = cast("dict[str, Any]", asked).get("task")
    run, counters = values.get("run"), values.get("counters")
    if not (isinstance(run, dict) and isinstance(counters, dict)) and not isinstance(task, str):
        return None  # another graph's thread
    known, used = cast("dict[str, Any]", run or {}), cast("dict[str, Any]", counters or {})
    ended = known.get("closing") and not next_nodes(stored)
    agent_type = cast("dict[str, Any]", asked).get("agent_type") if task else None
    return ThreadSummary(
        thread_id=_thread_id(stored),
        task=str(task or known.get("task", "")),
        agent_type=str(agent_type or known.get("agent_type", "")),
        outcome=values.get("outcome") if ended else None,
        steps=int(used.get("steps", 0)),
        updated_at=stored.checkpoint["ts"],
        waiting=not ended and is_asking(stored),
    )


def next_nodes(stored: CheckpointTuple) -> tuple[str, ...]:
    """The nodes that run from a checkpoint on."""
    values = stored.checkpoint["channel_values"]
    following = tuple(sorted(name.removeprefix(_NEXT) for name in values if name.startswith(_NEXT)))
    return following or ((START,) if START in values else ())


def is_asking(stored: CheckpointTuple) -> bool:
    """Whether a node has asked a person there, and nobody has answered yet."""
    writes = stored.pending_writes or []
    answered = any(task == _ANSWER and channel == _ANSWERED and value is not None for task, channel, value in writes)
    return not answered and any(channel == _ASKED for _, channel, _ in writes)
