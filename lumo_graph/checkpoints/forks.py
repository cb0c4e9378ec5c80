"""A new thread that begins where another one stood."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from langgraph.checkpoint.base.id import uuid6

from lumo_graph.checkpoints.deltas import as_stored, whole_values
from lumo_graph.checkpoints.history import CheckpointSummary, find_checkpoint, needed, read_checkpoint, read_history
from lumo_graph.checkpoints.leases import hold_thread
from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.storable import whole_characters

_OURS = "lumo_graph_"
"""Begins the names of what we store beside checkpoints, about the run: it is about the fork's too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """A new thread, and where it comes from."""

    thread_id: str
    checkpoint_id: str
    """Its first checkpoint."""
    from_thread_id: str
    origin: CheckpointSummary
    """The checkpoint of that thread that it begins with."""


def fork_thread(checkpointer: str | Checkpointer, thread_id: str, *, at: str, new_thread_id: str | None = None) -> Fork:
    """Begin a new thread where another one stood. `resume` goes on there, with the variables and files of that moment.

    The two threads know nothing of each other from then on. The fork makes its tool calls itself: an action that runs
    from there on calls its tools again, even if the other thread has made the same calls already.

    Args:
        checkpointer: the store, as a URL or a LangGraph checkpointer; from an event loop see `afork_thread`.
        thread_id: the thread; it stays as it is, and may be running.
        at: its checkpoint: an id, the beginning of one, or the number in its history.
        new_thread_id: of the fork; a new one unless given.

    Raises:
        ConfigurationError: there is no such thread or checkpoint, or the new thread exists already.
        ThreadBusyError: a run drives the new thread.
    """
    new = f"{thread_id}-fork-{uuid.uuid4().hex[:6]}" if new_thread_id is None else new_thread_id
    if not new or whole_characters(new) != new:
        raise ConfigurationError(f"new_thread_id must be a text that is not empty, not {new!r}.")
    with open_checkpointer(checkpointer, must_exist=True) as opened:
        saver = needed(opened)
        origin = find_checkpoint(read_history(saver, thread_id), at, thread_id)
        with hold_thread(saver, new):
            if saver.get_tuple({"configurable": {"thread_id": new}}) is not None:
                raise ConfigurationError(
                    f"Thread {new!r} exists already: a fork needs a new name, or none, and gets one then."
                )
            checkpoint_id = _copy(saver, thread_id, origin, new)
    return Fork(thread_id=new, checkpoint_id=checkpoint_id, from_thread_id=thread_id, origin=origin)


async def afork_thread(
    checkpointer: str | Checkpointer, thread_id: str, *, at: str, new_thread_id: str | None = None
) -> Fork:
    """`fork_thread` from an event loop."""
    return await asyncio.to_thread(fork_thread, checkpointer, thread_id, at=at, new_thread_id=new_thread_id)


def _copy(saver: Checkpointer, thread_id: str, origin: CheckpointSummary, new: str) -> str:
    """Store the checkpoint as the first one of a thread. What it stands on and what it has begun stay behind."""
    stored = read_checkpoint(saver, thread_id, origin.checkpoint_id)
    whole = {name: as_stored(value) for name, value in whole_values(saver, stored).items()}
    checkpoint_id = str(uuid6())
    checkpoint: dict[str, Any] = {
        **stored.checkpoint,
        "id": checkpoint_id,
        "ts": datetime.now(UTC).isoformat(),
        "channel_values": {**stored.checkpoint["channel_values"], **whole},
    }
    kept = {name: value for name, value in stored.metadata.items() if name.startswith(_OURS)}
    metadata: Any = {**kept, "source": "fork", "step": origin.number - 1, "parents": {}}
    saver.put(
        {"configurable": {"thread_id": new, "checkpoint_ns": ""}},
        cast("Any", checkpoint),
        metadata,
        checkpoint["channel_versions"],
    )
    return checkpoint_id
