"""Resource limits of one session."""

import math
import os
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_MEBIBYTE = 1 << 20
_PROCESSOR_RESERVE = 1
"""Seconds in which whoever watches comes first: it can say why, and stops the code with an exception."""
_times = os.times


def limit_resources(*, memory_mb: int, disk_mb: int, files: int) -> None:
    """Limit memory, the size of one file and open files of this process; core dumps are off."""
    if sys.platform == "linux":
        # What the interpreter has mapped already is not the session's: its limit begins here.
        _lower(resource.RLIMIT_AS, _mapped_bytes() + memory_mb * _MEBIBYTE)
        _lower(resource.RLIMIT_MEMLOCK, 0)
    _lower(resource.RLIMIT_FSIZE, disk_mb * _MEBIBYTE)
    _lower(resource.RLIMIT_NOFILE, files)
    _lower(resource.RLIMIT_CORE, 0)


@contextmanager
def limited_processor(seconds: float | None) -> Generator[None]:
    """Limit what this process, and each that it starts meanwhile, may use: the second line, behind who watches them.

    Args:
        seconds: processor time for each of them; None: any.
    """
    if seconds is None:
        yield
        return
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = math.ceil(sum(_times()[:2]) + seconds) + _PROCESSOR_RESERVE
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        yield
    finally:
        # What follows is ours, and the next action begins to count anew.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def limit_processes(count: int) -> None:
    """Limit processes and threads of this process's user, in its user namespace if it has its own."""
    if sys.platform == "linux":
        _lower(resource.RLIMIT_NPROC, count)


def _mapped_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 512 * _MEBIBYTE  # no /proc: an interpreter with the usual packages


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))
