"""The processor time of one action: of all its threads and processes together."""

import resource
from collections.abc import Callable, Iterable

from lumo_graph.executors.worker.group import Group
from lumo_graph.executors.worker.processes import TICKS, read_stat

_TIMES = slice(11, 15)
"""Places in /proc/<pid>/stat behind the name: user and system time, and both of the children it has waited for."""


class ProcessorWatch:
    """Compares the time that an action has used with what it may use.

    Args:
        most: seconds; None: any.
        group: control group of the session, which counts exactly; None: there is none.
        pids: gives its processes, all of them descendants of this one. Called only if there is a limit.
    """

    def __init__(self, most: float | None, *, group: Group | None, pids: Callable[[], Iterable[int]]) -> None:
        self._most = most
        self._group = group
        self._pids = pids
        self._sampled = SampledTime()
        self._before: float | None = None

    def begin(self) -> None:
        """An action begins."""
        self._before = None if self._most is None else self._used()

    def end(self) -> None:
        """It has ended, or is being stopped."""
        self._before = None

    def is_over(self) -> bool:
        """Whether it has used more than it may."""
        if self._most is None or self._before is None:
            return False
        return self._used() - self._before > self._most

    def _used(self) -> float:
        if self._group is not None and self._group.joined:
            return self._group.seconds()
        return self._sampled.add_up(self._pids())


class SampledTime:
    """Adds up what processes have used that come and go, all descendants of this one.

    The time of a process is in its own count, then in that of whoever has waited for it. It is lost where a process
    ignores its children's ends: of those what was seen at the last look counts, and those that begin and end between
    two looks are not seen.
    """

    def __init__(self) -> None:
        self._last = self._lost = 0.0

    def add_up(self, pids: Iterable[int]) -> float:
        """Seconds that the processes and those before them have used. It never gets less.

        Args:
            pids: all descendants of this process.
        """
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = ended.ru_utime + ended.ru_stime
        for pid in pids:
            if stat := read_stat(pid):
                now += sum(map(int, stat[_TIMES])) / TICKS
        self._lost += max(self._last - now, 0.0)
        self._last = now
        return now + self._lost
