"""Waiting for children: the frozen copy is a child of the session's process, and none of the code's."""

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ANY = -1


def hide_child(hidden: Callable[[], int | None]) -> None:
    """Have `os.wait` and its like see no children where there is only the one that is to be hidden.

    It never ends while code runs, so nothing else tells of it.

    Args:
        hidden: gives its process id.
    """
    for name in ("wait", "wait3", "waitpid", "wait4"):
        setattr(os, name, _without(hidden, getattr(os, name), takes_pid=name in ("waitpid", "wait4")))


def _without(hidden: Callable[[], int | None], wait: Callable[..., Any], *, takes_pid: bool) -> Callable[..., Any]:
    @functools.wraps(wait)
    def waiting(*args: Any) -> Any:
        if (not takes_pid or args[:1] == (_ANY,)) and (copy := hidden()) is not None and _children() == {copy}:
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
        return wait(*args)

    return waiting


def _children() -> set[int]:
    found: set[int] = set()
    try:
        for task in Path("/proc/self/task").iterdir():
            found.update(map(int, (task / "children").read_text(encoding="ascii").split()))
    except OSError:
        return set()  # a kernel that does not tell
    return found
