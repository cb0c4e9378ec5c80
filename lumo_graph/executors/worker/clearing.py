"""Clearing up after a session that had no namespaces of its own: its processes and its folder, however hostile."""

import os
import signal
import stat
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from lumo_graph.executors.jail import kernel
from lumo_graph.executors.worker.processes import others, read_stat, reap, send

_PAUSE = 0.001
_LONGEST_PAUSE = 0.1
_REAP_ROUNDS = 20
_PARENT = 1
"""Place of the parent's id in what `read_stat` gives."""
_TOLD = Path("/proc/thread-self/children").exists()
"""Whether the kernel tells the children of a process."""


def end_descendants(child: int) -> None:
    """End everything that a child of this process has started. The child has ended, and been waited for.

    Args:
        child: it led a process group.
    """
    if not kernel.LINUX:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        return
    pause = _PAUSE
    # Orphans come to this process, and so does what was forked while its parent was being stopped: again until there
    # is nothing left.
    while True:
        # What has ended is waited for at once: thousands of those would make each look slower than the living are.
        for pid in stop_descendants(before_each_look=reap):
            send(pid, signal.SIGKILL)
        if _reap(pause):
            return
        pause = min(2 * pause, _LONGEST_PAUSE)


def stop_descendants(before_each_look: Callable[[], object] | None = None) -> set[int]:
    """Stop everything that this process has started.

    Returns:
        Their ids.
    """
    # Killed one by one, processes that fork all the time outrun whoever kills them. Stopped ones do not.
    stopped: set[int] = set()
    while True:
        if before_each_look is not None:
            before_each_look()
        if not (new := descendants() - stopped):
            return stopped
        for pid in new:
            send(pid, signal.SIGSTOP)
        stopped |= new


def _reap(pause: float) -> bool:
    for _ in range(_REAP_ROUNDS):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        time.sleep(pause)
    return False


def descendants() -> set[int]:
    """Ids of everything that this process has started, and of what that has."""
    children = _children if _TOLD else _parents().__getitem__
    found: set[int] = set()
    waiting = children(os.getpid())
    while waiting:
        if (pid := waiting.pop()) not in found:
            found.add(pid)
            waiting = waiting + children(pid)
    return found


def _parents() -> defaultdict[int, list[int]]:
    # Children of every process of the machine.
    found: defaultdict[int, list[int]] = defaultdict(list)
    for pid in others():
        if stat := read_stat(pid):
            found[int(stat[_PARENT])].append(pid)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has ended
        for task in os.scandir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, Path(f"{task.path}/children").read_text(encoding="ascii").split())
    return found


def remove_tree(path: str) -> None:
    """Remove a folder that no process uses any more, however deep its folders and whatever their permissions.

    What cannot be removed stays. Folders are moved up before they are emptied: no path gets long, and nothing recurses.
    """
    with suppress(OSError):
        if not stat.S_ISDIR(Path(path).lstat().st_mode):
            return
        Path(path).chmod(stat.S_IRWXU)
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _empty(top)
        finally:
            os.close(top)
        Path(path).rmdir()


def _empty(top: int) -> None:
    numbers = count()
    waiting: list[str] = []
    _clear(top, top, waiting, numbers)
    while waiting:
        name = waiting.pop()
        with suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            try:
                _clear(handle, top, waiting, numbers)
            finally:
                os.close(handle)
            os.rmdir(name, dir_fd=top)


def _clear(folder: int, top: int, waiting: list[str], numbers: "count[int]") -> None:
    for entry in os.listdir(folder):
        with suppress(OSError):
            if not stat.S_ISDIR(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(entry, dir_fd=folder)
                continue
            os.chmod(entry, stat.S_IRWXU, dir_fd=folder)
            name = _move(entry, folder, top, numbers)
            waiting.append(name)


def _move(entry: str, folder: int, top: int, numbers: "count[int]") -> str:
    while True:
        name = f".lumo-{next(numbers)}"
        try:
            os.stat(name, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(entry, name, src_dir_fd=folder, dst_dir_fd=top)
            return name
