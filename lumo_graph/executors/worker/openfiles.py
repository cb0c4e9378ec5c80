"""Open files of a process as they are at one moment. A forked process shares their positions with its copy."""

import fcntl
import os
import stat
from contextlib import suppress
from dataclasses import dataclass

_FIRST = 3

# Kept here: what code does to the modules afterwards does not reach them.
_listdir, _fstat, _lseek, _ftruncate, _fcntl = os.listdir, os.fstat, os.lseek, os.ftruncate, fcntl.fcntl


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A regular file that is open."""

    descriptor: int
    position: int
    size: int | None
    """Its size, if it is open for writing."""


def note_positions() -> list[Opened]:
    """Where the open files of this process stand."""
    found: list[Opened] = []
    with suppress(OSError):
        for name in _listdir("/proc/self/fd"):
            with suppress(OSError):
                if (descriptor := int(name)) >= _FIRST and stat.S_ISREG((status := _fstat(descriptor)).st_mode):
                    writes = _fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
                    position = _lseek(descriptor, 0, os.SEEK_CUR)
                    size = status.st_size if writes else None
                    found.append(Opened(descriptor=descriptor, position=position, size=size))
    return found


def put_back(opened: list[Opened]) -> None:
    """Set the files to where they stood; what was added to those that are open for writing is taken away."""
    for one in opened:
        with suppress(OSError):
            if one.size is not None and _fstat(one.descriptor).st_size > one.size:
                _ftruncate(one.descriptor, one.size)
            _lseek(one.descriptor, one.position, os.SEEK_SET)
