"""The threads that a process has left in the middle of a run."""

import asyncio

from lumo_graph.checkpoints.leases import hold_thread
from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.checkpoints.threads import ThreadSummary, is_asking, list_threads
from lumo_graph.errors import ConfigurationError, ThreadBusyError


def list_unfinished(checkpointer: str | Checkpointer) -> list[ThreadSummary]:
    """The threads whose run was stopped or died, the one used last first. `resume` goes on with each.

    Runs that wait for a person are none of them, nor are those that a living process drives.

    Args:
        checkpointer: the store, as a URL or a LangGraph checkpointer; from an event loop see `alist_unfinished`.

    Raises:
        ConfigurationError: there is no such store.
    """
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        if saver is None:
            raise ConfigurationError("A checkpointer is needed, such as 'sqlite:///runs.db', not None.")
        return [
            one
            for one in list_threads(saver)
            if one.outcome is None and not one.damaged and _is_left(saver, one.thread_id)
        ]


async def alist_unfinished(checkpointer: str | Checkpointer) -> list[ThreadSummary]:
    """`list_unfinished` from an event loop."""
    return await asyncio.to_thread(list_unfinished, checkpointer)


def _is_left(saver: Checkpointer, thread_id: str) -> bool:
    try:
        with hold_thread(saver, thread_id):  # so that what is read next is not about to change
            stored = saver.get_tuple({"configurable": {"thread_id": thread_id}})
            return stored is not None and not is_asking(stored)
    except ThreadBusyError:
        return False
