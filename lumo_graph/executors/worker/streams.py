"""The session's standard streams: pipes to the host, so that output survives any end of the process."""

import fcntl
import io
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

_FIRST_KEPT = 60
_STDOUT = 1
_kept: list[int] = []
_listeners: list[Callable[[memoryview], None]] = []


class _Heard(io.FileIO):
    """Standard output whose listeners are told what it takes."""

    def write(self, data: Any, /) -> int:
        """Write, and tell."""
        written = super().write(data)
        for listener in _listeners:
            listener(memoryview(data)[:written])
        return written


def hear_output(listener: Callable[[memoryview], None]) -> None:
    """Have a function told of what is written to `sys.stdout` by this process."""
    _listeners.append(listener)


def open_streams(stdout: int, stderr: int) -> None:
    """Make these descriptors the standard streams, of this process's C code too; nothing can be read."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        os.close(source)
    _kept[:] = [fcntl.fcntl(target, fcntl.F_DUPFD_CLOEXEC, _FIRST_KEPT) for target in (1, 2)]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = sys.__stdout__ = _writer(1)
    sys.stderr = sys.__stderr__ = _writer(2)


def _writer(descriptor: int) -> io.TextIOWrapper:
    kind = _Heard if descriptor == _STDOUT else io.FileIO
    raw = io.BufferedWriter(kind(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def repair_descriptors() -> None:
    """Make standard output and error lead to the host again, whatever the code did to their descriptors.

    Raises:
        OSError: the code has closed all that leads there.
    """
    for place, target in enumerate((1, 2)):
        if not _is_open(_kept[place]):
            os.fstat(target)
            _kept[place] = fcntl.fcntl(target, fcntl.F_DUPFD_CLOEXEC, _FIRST_KEPT)
        elif not _is_open(target) or not os.path.sameopenfile(_kept[place], target):
            os.dup2(_kept[place], target)
        os.set_blocking(target, True)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextmanager
def keep_streams() -> Generator[None]:
    """Whatever the code does to the streams, the next action has working ones."""
    stdout, stderr = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout = _usable(stdout, 1)
        sys.stderr = _usable(stderr, 2)


def renew_streams() -> None:
    """New ones, for the case that a thread which is gone holds the locks of the old ones."""
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = _writer(1), _writer(2)


def _usable(stream: object, descriptor: int) -> io.TextIOWrapper:
    if isinstance(stream, io.TextIOWrapper) and not stream.closed:
        return stream  # pyright: ignore[reportUnknownVariableType] - of an unknown buffer
    return _writer(descriptor)


def flush_streams() -> None:
    """Push out what is buffered."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
