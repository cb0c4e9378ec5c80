"""The processes of a session, seen by the first of them."""

import os
import signal
import time
from contextlib import suppress

_END_SECONDS = 0.5
_PAUSE_SECONDS = 0.0002


def others(spared: int | None = None) -> list[int]:
    """Ids of all processes but this one and `spared`, those that have ended but are not reaped included."""
    us = {os.getpid(), spared}
    with os.scandir("/proc") as entries:
        return [pid for entry in entries if entry.name.isdigit() and (pid := int(entry.name)) not in us]


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
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGSTOP)
        for pid in others(spared):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if not others(spared):
            break
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_SECONDS)
    os.kill(spared, signal.SIGCONT)
    return True
