"""`os.chmod` and `os.utime` by way of open files, for sessions that may not change files by their paths.

What Landlock keeps from being opened cannot be changed then, and code that copies its own files works as ever.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_chmod, _utime = os.chmod, os.utime


def change_open_files() -> None:
    """Make this process's `os.chmod` and `os.utime` open what they change."""
    for function in (chmod, utime):
        function.__module__ = "os"
        setattr(os, function.__name__, function)


def chmod(path: Any, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
    """Change the permissions of a file that can be opened."""
    if not follow_symlinks or isinstance(path, int):
        _chmod(path, mode, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        return
    with _opened(path, dir_fd) as handle:
        os.fchmod(handle, mode)


def utime(
    path: Any, times: Any = None, *, dir_fd: int | None = None, follow_symlinks: bool = True, **more: Any
) -> None:
    """Change the times of a file that can be opened."""
    if not follow_symlinks or isinstance(path, int):
        _utime(path, times, dir_fd=dir_fd, follow_symlinks=follow_symlinks, **more)
        return
    with _opened(path, dir_fd) as handle:
        _utime(handle, times, **more)


@contextmanager
def _opened(path: Any, dir_fd: int | None) -> Generator[int]:
    handle = os.open(path, _OPEN, dir_fd=dir_fd)
    try:
        yield handle
    finally:
        os.close(handle)
