"""Resource limits of one session."""

import os
import resource
import sys
from pathlib import Path

_MEBIBYTE = 1 << 20


def limit_resources(*, memory_mb: int, disk_mb: int, files: int) -> None:
    """Limit memory, the size of one file and open files of this process; core dumps are off."""
    if sys.platform == "linux":
        # What the interpreter has mapped already is not the session's: its limit begins here.
        _lower(resource.RLIMIT_AS, _mapped_bytes() + memory_mb * _MEBIBYTE)
        _lower(resource.RLIMIT_MEMLOCK, 0)
    _lower(resource.RLIMIT_FSIZE, disk_mb * _MEBIBYTE)
    _lower(resource.RLIMIT_NOFILE, files)
    _lower(resource.RLIMIT_CORE, 0)


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
