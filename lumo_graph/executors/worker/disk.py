"""What the files of a session take, where no filesystem of its own bounds them: looked at, not prevented.

Files that were deleted while they are open take space and are not seen.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from lumo_graph.executors.jail.plan import DEEPEST, MOST_FILES

_BLOCK = 512
_WALKABLE = stat.S_IRUSR | stat.S_IXUSR
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskWatch:
    """Adds up a directory and what is below it.

    Args:
        path: the directory.
        most_mb: what it may take. The number of files and the depth of directories are bounded besides.
    """

    def __init__(self, path: str, most_mb: int) -> None:
        self._most = most_mb << 20
        self._top = os.open(path, _DIRECTORY)

    def is_over(self) -> bool:
        """Whether it takes too much. It is not walked further than that takes to find out."""
        return _Walk(self._most).is_over(os.dup(self._top))


class _Walk:
    def __init__(self, most: int) -> None:
        self._left = most
        self._files = 0
        self._seen: set[int] = set()

    def is_over(self, top: int) -> bool:
        # Along descriptors: no path gets long, and no link leads out. One is open for each level.
        levels = [(top, _names(top))]
        try:
            while levels:
                directory, names = levels[-1]
                if not names:
                    os.close(directory)
                    levels.pop()
                    continue
                below = self._count(directory, names.pop())
                if below is not None:
                    levels.append((below, _names(below)))
                if self._left < 0 or self._files > MOST_FILES or len(levels) > DEEPEST:
                    return True
            return False
        finally:
            for directory, _ in levels:
                os.close(directory)

    def _count(self, directory: int, name: str) -> int | None:
        # Returns a directory that is to be walked too.
        with suppress(OSError):  # it is gone meanwhile
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            self._files += 1
            if found.st_nlink == 1 or found.st_ino not in self._seen:
                self._left -= found.st_blocks * _BLOCK
            self._seen.add(found.st_ino)
            if stat.S_ISDIR(found.st_mode):
                return _open(directory, name)
        return None


def _names(directory: int) -> list[str]:
    mode = stat.S_IMODE(os.fstat(directory).st_mode)
    if mode & _WALKABLE != _WALKABLE:
        os.fchmod(directory, mode | _WALKABLE)
    return os.listdir(directory)


def _open(directory: int, name: str) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=directory)
    except PermissionError:
        # Code may take away the right to read a directory and still write to it: it is the guard's own too.
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            Path(f"/proc/self/fd/{handle}").chmod(stat.S_IRWXU)
        finally:
            os.close(handle)
        return os.open(name, _DIRECTORY, dir_fd=directory)
