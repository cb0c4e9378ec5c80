"""Waiting for things that happen in their own time, and counting what is left of them."""

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SECONDS = 30.0
_PAUSE_SECONDS = 0.01


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, on a machine that may be busy; whether it has come true."""
    deadline = time.monotonic() + _SECONDS
    while not (met := condition()) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(_PAUSE_SECONDS)
    return met


def has_ended(pid: int) -> bool:
    """Whether a process has ended, reaped or not: whose parent is gone is reaped when process 1 finds the time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def processes_below(pid: int) -> set[int]:
    """Ids of the processes that a process has started, and of those that they have."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may end while we look
            number, _, rest = path.read_text().partition(" (")
            parents[int(number)] = int(rest.rpartition(") ")[2].split()[1])
    found = {pid}
    while more := {number for number, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}
