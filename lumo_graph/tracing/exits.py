"""The end of a process that has traces to send."""

import atexit
import threading
from collections.abc import Callable

LONGEST_EXPORT_SECONDS = 5.0
"""What one export may take, and what the end of the process waits for all of them together."""

_ends: list[Callable[[], object]] = []


def at_exit(end: Callable[[], object]) -> None:
    """Have a provider end with the process, and wait for it no longer than that."""
    if not _ends:
        atexit.register(_end_all)
    _ends.append(end)


def _end_all() -> None:
    """Send what is left, for as long as one export may take: the SDK's own way to end may wait for half a minute."""
    threads = [threading.Thread(target=end, name="lumo-graph-traces", daemon=True) for end in _ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_EXPORT_SECONDS / len(threads))
