"""Make a store smaller: take old checkpoints out of a thread's history, or whole threads.

A `DeltaChannel` is rebuilt from the writes of the checkpoints before it. So the oldest checkpoint that is kept first
gets the channel's whole value, which LangGraph reads instead of going further back; only then those before it go. A
crash between the two leaves a thread that is whole and merely not smaller.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from lumo_graph.checkpoints.deltas import as_stored, whole_values
from lumo_graph.checkpoints.leases import hold_thread
from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.checkpoints.rows import Row, Rows, rows_of
from lumo_graph.checkpoints.threads import ThreadSummary, is_stored, list_threads, no_thread
from lumo_graph.errors import ConfigurationError, ThreadBusyError


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedThread:
    """What pruning did to a thread, or would do."""

    thread_id: str
    task: str
    outcome: str | None
    """None: its run has not ended."""
    removed: int
    """Checkpoints that went."""
    kept: int
    """Checkpoints that stay; 0: the whole thread went."""
    skipped: str
    """Why nothing was done to it; empty if something was."""


def prune_threads(
    checkpointer: str | Checkpointer,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    ended: bool = False,
    dry_run: bool = False,
) -> list[PrunedThread]:
    """Make a store smaller.

    Args:
        checkpointer: the store, as a URL or a saver that is not for event loops.
        keep: of each thread, the newest checkpoints that stay. The thread can be resumed, with its variables, and what
            stays of its history can be read and forked. None: whole threads go.
        older_than: only threads that were last used longer ago than this.
        ended: only threads whose run has ended; one that can still be resumed stays as it is.
        dry_run: only say what would be done.

    Returns:
        The threads that were chosen and are not small enough already, the one used last first. Threads that no agent
        of this library ran are never chosen.

    Raises:
        ConfigurationError: nothing says what to prune, or the saver cannot do it.
    """
    if keep is None and older_than is None and not ended:
        raise ConfigurationError("Say what to prune: keep=10, older_than=timedelta(days=30) or ended=True.")
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"keep must be a number of checkpoints from 1 on, not {keep!r}.")
    with open_checkpointer(checkpointer, must_exist=True) as opened:
        saver, rows = _prunable(opened)
        chosen = [thread for thread in list_threads(saver) if _is_chosen(thread, older_than, ended=ended)]
        pruned = [
            found
            for thread in chosen
            if (found := _pruned(saver, rows, thread, keep, dry_run=dry_run)).removed or found.skipped
        ]
        if not dry_run and any(found.removed for found in pruned):
            rows.give_back_space()
        return pruned


async def aprune_threads(
    checkpointer: str | Checkpointer,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    ended: bool = False,
    dry_run: bool = False,
) -> list[PrunedThread]:
    """`prune_threads` from an event loop."""
    return await asyncio.to_thread(
        prune_threads, checkpointer, keep=keep, older_than=older_than, ended=ended, dry_run=dry_run
    )


def delete_thread(checkpointer: str | Checkpointer, thread_id: str) -> None:
    """Delete a thread: its conversation, its variables and its history.

    Args:
        checkpointer: the store, as a URL or a saver that is not for event loops.
        thread_id: the thread, of whatever graph.

    Raises:
        ConfigurationError: there is no such thread, or the saver cannot do it.
        ThreadBusyError: a run drives it.
    """
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        if saver is None:
            raise ConfigurationError("A checkpointer is needed, such as 'sqlite:///runs.db', not None.")
        with hold_thread(saver, thread_id):
            if not is_stored(saver, thread_id):
                raise no_thread(saver, thread_id)
            try:
                saver.delete_thread(thread_id)
            except NotImplementedError:
                raise ConfigurationError(f"{type(saver).__name__} cannot delete a thread.") from None


async def adelete_thread(checkpointer: str | Checkpointer, thread_id: str) -> None:
    """`delete_thread` from an event loop, where the saver may be one for it."""
    await asyncio.to_thread(delete_thread, checkpointer, thread_id)


def _prunable(saver: Checkpointer | None) -> tuple[Checkpointer, Rows]:
    rows = None if saver is None else rows_of(saver)
    if saver is None or rows is None:
        raise ConfigurationError(
            f"The threads of {type(saver).__name__} cannot be pruned: give a URL, a SqliteSaver, a PostgresSaver or an "
            "InMemorySaver."
        )
    return saver, rows


def _is_chosen(thread: ThreadSummary, older_than: timedelta | None, *, ended: bool) -> bool:
    if thread.damaged or (ended and thread.outcome is None):
        return False
    return older_than is None or datetime.fromisoformat(thread.updated_at) < datetime.now(UTC) - older_than


def _pruned(saver: Checkpointer, rows: Rows, thread: ThreadSummary, keep: int | None, *, dry_run: bool) -> PrunedThread:
    thread_id, removed, kept, skipped = thread.thread_id, 0, 0, ""
    try:
        with hold_thread(saver, thread_id):
            found = rows.of_thread(thread_id)
            cut = _cut(found, keep or 0)
            removed, kept = len(cut.removed), len(found) - len(cut.removed)
            if not dry_run and keep is None:
                saver.delete_thread(thread_id)
            elif not dry_run:
                _carry_out(saver, rows, thread_id, cut)
    except (ThreadBusyError, ConfigurationError) as error:
        removed, skipped = 0, str(error)
    return PrunedThread(
        thread_id=thread_id, task=thread.task, outcome=thread.outcome, removed=removed, kept=kept, skipped=skipped
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """Where a thread's history is cut."""

    roots: Sequence[Row]
    """Kept, and what came before them goes: they must stand on their own."""
    removed: Sequence[Row]


def _cut(rows: Sequence[Row], keep: int) -> _Cut:
    """Keep the newest of the thread's own checkpoints, and of its subgraph calls those that belong to them. Pure."""
    own = sorted((row for row in rows if not row.namespace), key=lambda row: row.checkpoint_id)
    gone = {row.checkpoint_id: row for row in (own[:-keep] if keep else own)}
    calls: dict[str, list[Row]] = {}
    for row in rows:
        # A subgraph's call has its task's id in the namespace; one that remembers across calls has none, and stays.
        if ":" in row.namespace or (row.namespace and not keep):
            calls.setdefault(row.namespace, []).append(row)
    ended = [call for call in calls.values() if not keep or all(row.root_id in gone for row in call)]
    return _Cut(
        roots=[row for row in own if row.checkpoint_id not in gone and row.parent_id in gone],
        removed=[*gone.values(), *(row for call in ended for row in call)],
    )


def _carry_out(saver: Checkpointer, rows: Rows, thread_id: str, cut: _Cut) -> None:
    for row in cut.roots:
        _stand_alone(saver, thread_id, row)
    for namespace in sorted({row.namespace for row in cut.removed}, reverse=True):
        ids = [row.checkpoint_id for row in cut.removed if row.namespace == namespace]
        rows.remove(thread_id, namespace, ids)


def _stand_alone(saver: Checkpointer, thread_id: str, row: Row) -> None:
    """Store the whole value of every DeltaChannel in a checkpoint."""
    place = {"thread_id": thread_id, "checkpoint_ns": row.namespace}
    config: RunnableConfig = {"configurable": {**place, "checkpoint_id": row.checkpoint_id}}
    stored = saver.get_tuple(config)
    if stored is None:
        raise ConfigurationError(f"The checkpoint {row.checkpoint_id!r} of thread {thread_id!r} is gone.")
    checkpoint = stored.checkpoint
    values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
    whole = {name: as_stored(value) for name, value in whole_values(saver, stored).items()}
    checkpoint = {**checkpoint, "channel_values": {**values, **whole}}
    saver.put(
        {"configurable": {**place, "checkpoint_id": row.parent_id}},
        cast("Any", checkpoint),
        stored.metadata,
        {name: versions[name] for name in whole},
    )
