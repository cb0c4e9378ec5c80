"""The memory that all processes of a session use together, estimated from what one of them may read about others.

Their exact share (PSS) is closed to it: they are not dumpable. What a forked process has for itself is at most what it
has grown by, and a page for each fault it took, since it shares the rest with its parent until it writes.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from lumo_graph.executors.worker.processes import read_stat

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") >> 10
_FAULTS = 7
"""Place of the minor faults in what `read_stat` gives."""


class MemoryWatch:
    """Adds up the memory of processes that come and go.

    Args:
        most_mb: what they may use together.
    """

    def __init__(self, most_mb: int) -> None:
        self._most_kb = most_mb << 10
        self._first: dict[int, int] = {}
        self._inherited: int | None = None

    def is_over(self, runner: int | None, others: Iterable[int]) -> bool:
        """Whether the processes use too much, if there are more than the runner, whose own limit holds for it alone.

        Args:
            runner: process that runs the session's code.
            others: processes that it has started, and those that they have.
        """
        others = set(others)
        self._first = {pid: size for pid, size in self._first.items() if pid in others}
        used = 0 if runner is None else self._size_of_runner(runner)
        used += sum(self._own_kb(pid) for pid in others)
        return bool(others) and used > self._most_kb

    def _size_of_runner(self, pid: int) -> int:
        size = _resident_kb(pid)
        if self._inherited is None:
            self._inherited = size  # of the zygote's, shared by all sessions
        return max(size - self._inherited, 0)

    def _own_kb(self, pid: int) -> int:
        size = _resident_kb(pid)
        growth = max(size - self._first.setdefault(pid, size), 0)
        return min(size, growth + _faults(pid) * _PAGE_KB)


def _resident_kb(pid: int) -> int:
    # Anonymous and shared memory, without files.
    size = 0
    try:
        with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    size += int(line.split()[1])
    except OSError:
        return 0  # it has ended
    return size


def _faults(pid: int) -> int:
    stat = read_stat(pid)
    return int(stat[_FAULTS]) if stat else 0
