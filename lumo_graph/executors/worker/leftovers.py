"""What an action leaves running: threads, and processes of the session."""

import os
import threading

from lumo_graph.executors.worker.text import clean, cut

_MOST_THREADS = 50
_MOST_NAME = 100
_POOLED = "asyncio_"  # of the event loop's own pool: idle, and made again when they are needed

# Kept here: what code does to the modules afterwards does not reach them.
_threads, _this_thread = threading.enumerate, threading.current_thread
_getpid, _scandir = os.getpid, os.scandir


def running_threads() -> list[str]:
    """Names of all threads but this one."""
    names: list[str] = []
    for thread in _threads():
        if thread is not _this_thread():
            try:
                names.append(clean(cut(str(thread.name), _MOST_NAME)))
            except Exception:  # noqa: BLE001 - a class of the code's own
                names.append("?")
    return [name for name in names if not name.startswith(_POOLED)][:_MOST_THREADS]


def count_processes(*ours: int | None) -> int:
    """How many processes there are besides this one, the first one and `ours`; in a private view of processes only."""
    known = {1, _getpid(), *ours}
    try:
        with _scandir("/proc") as entries:
            return sum(entry.name.isdigit() and int(entry.name) not in known for entry in entries)
    except OSError:
        return 0
