"""The processes of a session, seen by the first of them."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Units of time in /proc for each second."""

_END_SECONDS = 2.5  # where they keep all processors busy, this one gets its turn late
_PAUSE_SECONDS = 0.0002
_RUNS = {"R", "S"}
"""States of a thread that would go on: it runs, or a signal wakes it. One in `D` stops before it goes on."""


def others(spared: int | None = None) -> list[int]:
    """Ids of all processes but this one and `spared`, those that have ended but are not reaped included."""
    us = {os.getpid(), spared}
    with os.scandir("/proc") as entries:
        return [pid for entry in entries if entry.name.isdigit() and (pid := int(entry.name)) not in us]


def read_stat(pid: int, thread: str = "") -> list[str]:
    """What stands in /proc/<pid>/stat behind the name, the state first; empty if it has ended.

    Args:
        pid: the process.
        thread: of one of its threads, `task/<id>/`.
    """
    try:
        text = Path(f"/proc/{pid}/{thread}stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def are_still(pids: Iterable[int]) -> bool:
    """Whether no thread of these processes runs, or would."""
    return not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        threads = [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return False
    return any((stat := read_stat(pid, f"task/{thread}/")) and stat[0] in _RUNS for thread in threads)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended, or -1: to all but this one."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def reap() -> list[tuple[int, int]]:
    """Children that have ended, each with its exit status, negative for a signal."""
    ended: list[tuple[int, int]] = []
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended.append((found[0], os.waitstatus_to_exitcode(found[1])))
    return ended


def end_all_but(spared: int) -> bool:
    """Kill every process but this one and `spared`, however fast they fork; whether they are gone."""
    until = time.monotonic() + _END_SECONDS
    while True:
        # One walk of the kernel over all of them, past which nobody can fork; then they hold still to be killed.
        send(-1, signal.SIGSTOP)
        for pid in others(spared):
            send(pid, signal.SIGKILL)
        reap()
        if not others(spared):
            break
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_SECONDS)
    os.kill(spared, signal.SIGCONT)
    return True
