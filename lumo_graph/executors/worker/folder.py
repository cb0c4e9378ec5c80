"""The working directory of a session: what of it travels with a snapshot, and the way back.

Regular files and empty folders travel. Links, sockets and pipes do not, nor do files beyond the bound; they are named.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

MAX_FILES = 1_000
"""Files and empty folders that travel."""
MAX_NAME = 300
"""Bytes of a path below the working directory."""
_MOST_SEEN = 20_000
_MOST_LISTED = 50
_SKIPPED = frozenset({"__pycache__"})
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# Kept here: what code does to the module afterwards does not reach them.
_scandir, _open, _fdopen, _fstat, _lstat, _fchmod = os.scandir, os.open, os.fdopen, os.fstat, os.lstat, os.fchmod
_makedirs, _getcwd, _chdir, _unlink = os.makedirs, os.getcwd, os.chdir, os.unlink


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was said of a file last."""

    mark: tuple[int, ...]
    """Changes whenever the file does."""
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Something in the working directory that may travel."""

    name: str
    path: str
    size: int
    mark: tuple[int, ...]


class Folder:
    """Knows what of the working directory is stored, and says what has changed since.

    Args:
        path: the working directory.
        max_bytes: size of all files together; of what is more, the largest do not travel.
        inputs: names in it that were brought in from outside and do not travel.
    """

    def __init__(self, path: str, *, max_bytes: int, inputs: Collection[str] = ()) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._inputs = frozenset(inputs)
        self._known: dict[str, _Known] = {}
        self._placed: dict[str, tuple[int, ...]] = {}

    def enter(self) -> None:
        """Make sure that this process stands in a directory that exists."""
        try:
            _getcwd()
        except OSError:
            with suppress(OSError):
                _unlink(self._path)  # of a file that code has put there
            _makedirs(self._path, exist_ok=True)
            _chdir(self._path)

    def place(self, name: str, content: bytes, *, readonly: bool = False) -> None:
        """Put a file, or with a `/` at the end of its name an empty folder, where it was.

        Args:
            name: path below the working directory.
            content: of the file.
            readonly: it comes from outside; the code may not write to it, and it does not travel.

        Raises:
            OSError: there is no room for it, or something else has its name.
        """
        path = f"{self._path}/{name}"
        if name.endswith("/"):
            _makedirs(path, exist_ok=True)
            self._known[name] = _Known(mark=(), digest=_digest(b""))
            return
        _makedirs(path.rpartition("/")[0], exist_ok=True)
        with suppress(FileNotFoundError):
            _unlink(path)
        with _fdopen(_open(path, _WRITE, 0o644), "wb") as file:
            file.write(content)
            if readonly:
                _fchmod(file.fileno(), 0o444)
        if readonly:
            self._placed[name] = _mark(_lstat(path))
        else:
            self._known[name] = _Known(mark=_mark(_lstat(path)), digest=_digest(content))

    def changes(self, unsaved: dict[str, str]) -> Generator[tuple[str, bytes | None]]:
        """What has changed since the last time, in the end all of it.

        Args:
            unsaved: gets what does not travel, by its path: the reason.

        Yields:
            Path below the working directory, and the content; None for what is gone.
        """
        kept = {found.name: found for found in self._chosen(unsaved)}
        for name in [name for name in self._known if name not in kept]:
            del self._known[name]
            yield name, None
        for name, found in kept.items():
            known = self._known.get(name)
            if known is not None and known.mark == found.mark:
                continue
            try:
                content = b"" if name.endswith("/") else _read(found)
            except OSError as failure:
                unsaved[f"file {name}"] = failure.strerror or str(failure)
                if self._known.pop(name, None) is not None:
                    yield name, None
                continue
            digest = _digest(content)
            self._known[name] = _Known(mark=found.mark, digest=digest)
            if known is None or known.digest != digest:
                yield name, content

    def _chosen(self, unsaved: dict[str, str]) -> Iterator[_Found]:
        # The small ones first: one large file does not keep the others from travelling.
        room, count = self._max_bytes, 0
        listed: dict[str, str] = {}
        for found in sorted(self._walk(listed), key=lambda found: (found.size, found.name)):
            if self._max_bytes == 0:
                break
            if found.size > room:
                listed[found.name] = f"files are kept up to {self._max_bytes >> 20} MiB together"
            elif count >= MAX_FILES:
                listed[found.name] = f"no more than {MAX_FILES} files are kept"
            else:
                room, count = room - found.size, count + 1
                yield found
        unsaved.update({f"file {name}": reason for name, reason in list(listed.items())[:_MOST_LISTED]})

    def _walk(self, listed: dict[str, str]) -> Iterator[_Found]:
        waiting, seen = [""], 0
        while waiting:
            folder = waiting.pop()
            empty = True
            for name, path, status in _entries(f"{self._path}/{folder}"):
                seen += 1
                if seen > _MOST_SEEN:
                    return
                empty = False
                inner = f"{folder}{name}"
                if inner in self._inputs or name in _SKIPPED:
                    if _mark(status) != self._placed.get(inner, _mark(status)):
                        listed[inner] = "it has taken the place of an input: give it another name"
                    continue
                if (reason := _refusal(inner, status)) is not None:
                    listed[inner.encode("utf-8", "replace").decode()[:MAX_NAME]] = reason
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append(f"{inner}/")
                else:
                    yield _Found(name=inner, path=path, size=status.st_size, mark=_mark(status))
            if empty and folder:
                yield _Found(name=folder, path=f"{self._path}/{folder}", size=0, mark=())


def _entries(folder: str) -> Iterator[tuple[str, str, os.stat_result]]:
    with suppress(OSError), _scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # it is gone already
                yield entry.name, entry.path, entry.stat(follow_symlinks=False)


def _refusal(name: str, status: os.stat_result) -> str | None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "its name is no text"
    if length > MAX_NAME - 1:
        return f"its path is longer than {MAX_NAME - 1} bytes"
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return "it is neither a file nor a folder"
    return None


def _read(found: _Found) -> bytes:
    with _fdopen(_open(found.path, _READ), "rb") as file:
        if not stat.S_ISREG(_fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no file any more")
        return file.read(found.size)  # what is added meanwhile is for the next time


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
