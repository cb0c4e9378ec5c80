"""The memory that all processes of a session use together, estimated from what one of them may read about others.

What waits in sockets belongs to no process. A socket counts as full: how much waits in it cannot be read.

Their exact share (PSS) is closed to it: they are not dumpable. What a forked process has for itself is at most what it
has grown by, and a page for each fault it took, since it shares the rest with its parent until it writes.
"""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lumo_graph.executors.worker.processes import read_stat

_FREE_SOCKETS = 64
"""What is not counted: a session has a few of its own, and ordinary code hardly more."""
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") >> 10
_FAULTS = 7
"""Place of the minor faults in what `read_stat` gives."""


class MemoryWatch:
    """Adds up the memory of processes that come and go.

    Args:
        most_mb: what they may use together.
        own_network: the sockets of this process's network namespace are those of the session.
    """

    def __init__(self, most_mb: int, *, own_network: bool) -> None:
        self._most_kb = most_mb << 10
        self._socket_kb = _largest_socket_kb() if own_network else 0
        self._first: dict[int, int] = {}
        self._inherited: int | None = None

    def is_over(self, runner: int | None, others: Iterable[int]) -> bool:
        """Whether the processes use too much. Of a runner that is alone and has no sockets, its own limit takes care.

        Args:
            runner: process that runs the session's code.
            others: processes that it has started, and those that they have.
        """
        others = set(others)
        self._first = {pid: size for pid, size in self._first.items() if pid in others}
        used = 0 if runner is None else self._size_of_runner(runner)
        used += sum(self._own_kb(pid) for pid in others)
        in_sockets = max(_count_sockets() - _FREE_SOCKETS, 0) * self._socket_kb if self._socket_kb else 0
        return bool(others or in_sockets) and used + in_sockets > self._most_kb

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


def _largest_socket_kb() -> int:
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)  # the kernel cuts it to what it allows
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >> 10


def _count_sockets() -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/net/sockstat").read_text(encoding="ascii").split()[2])
    return 0


def _faults(pid: int) -> int:
    stat = read_stat(pid)
    return int(stat[_FAULTS]) if stat else 0
