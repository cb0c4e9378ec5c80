"""Files that a session finds in its working directory: where they come from, and how they get there."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias, cast

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors.frames import mebibytes
from lumo_graph.executors.worker.folder import MAX_NAME

Source: TypeAlias = str | os.PathLike[str] | bytes
Files: TypeAlias = Mapping[str, Source] | Sequence[str | os.PathLike[str]]
_MOST_NAMED = 50
_COPIED = 16 << 20
_MOST_SEEN = 20_000
_SMALL = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file, or a folder of files, that sessions may read."""

    name: str
    """Path below the working directory."""
    path: str | None = None
    """Where it is on the host; None: `content` is all of it."""
    content: bytes = b""


def check_inputs(files: Files) -> tuple[Input, ...]:
    """Inputs from paths, or from a mapping of names to paths or bytes.

    Raises:
        ConfigurationError: something of it does not exist or cannot have its name.
    """
    if not _is_collection(files):
        raise ConfigurationError(
            f"files must be a list of paths or a mapping of names to paths or bytes, not {files!r}."
        )
    if isinstance(files, Mapping):
        pairs = list(files.items())
    else:
        pairs = [(_name_of(path), cast("Source", path)) for path in files]
    inputs: dict[str, Input] = {}
    for name, source in pairs:
        _check_name(name)
        if any(name == other or name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in inputs):
            raise ConfigurationError(f"files names {name!r} more than once. Give a mapping with a name for each.")
        inputs[name] = _input(name, source)
    return tuple(inputs.values())


def _is_collection(files: object) -> bool:
    return isinstance(files, (Mapping, Sequence)) and not isinstance(files, (str, bytes))


def _name_of(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(
            f"files must be a list of paths, and {path!r} is none. Give bytes a name in a mapping."
        )
    return Path(os.path.abspath(cast("str | os.PathLike[str]", path))).name  # noqa: PTH100 - a link keeps its own name


def _input(name: str, source: object) -> Input:
    if isinstance(source, bytes):
        return Input(name=name, content=source)
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigurationError(f"files[{name!r}] must be a path or bytes, not {source!r}.")
    path = os.path.realpath(cast("str | os.PathLike[str]", source))
    if not (os.path.isfile(path) or os.path.isdir(path)):  # noqa: PTH112, PTH113 - a str from here on
        other = os.path.exists(path)  # noqa: PTH110
        problem = "which is neither a file nor a folder" if other else "but there is no such file or folder"
        raise ConfigurationError(f"files names {os.fspath(cast('str', source))!r}, {problem}.")
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"files names {path!r}, which this user may not read.")
    return Input(name=name, path=path)


def is_name(name: object) -> bool:
    """Whether it can be the path of a file below the working directory. A `/` at the end means an empty folder."""
    if type(name) is not str or not name or "\0" in name or "\\" in name:
        return False
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return False
    return length <= MAX_NAME and all(part not in ("", ".", "..") for part in name.removesuffix("/").split("/"))


def _check_name(name: object) -> None:
    if not is_name(name) or cast("str", name).endswith("/"):
        raise ConfigurationError(
            f"files names {name!r}, but a name is a path below the working directory, such as 'data/sales.csv'."
        )


def describe_inputs(inputs: Sequence[Input]) -> str:
    """What there is, in a sentence for the model."""
    listed = [f"`{item.name}` ({_size(item)})" for item in inputs[:_MOST_NAMED]]
    more = [f"{len(inputs) - _MOST_NAMED} more"] if len(inputs) > _MOST_NAMED else []
    return f"The working directory holds files for you to read, not to change: {', '.join([*listed, *more])}."


def _size(item: Input) -> str:
    if item.path is not None and Path(item.path).is_dir():
        return "folder"
    try:
        size = len(item.content) if item.path is None else Path(item.path).stat().st_size
    except OSError:
        return "gone"  # opening a session says so
    return f"{size:,} bytes" if size < _SMALL else mebibytes(size)


def can_be_bound(item: Input) -> bool:
    """Whether a session with a root of its own is shown the file itself: then it is not copied.

    What is small is copied: code can lock a file that it is shown, and others that use it would wait. Sockets and pipes
    are never shown: they would lead out. As root, sessions run as nobody, who must be allowed to read everything.
    """
    if item.path is None:
        return False
    size = 0
    try:
        for status in islice(_statuses(item.path), _MOST_SEEN):
            if not _may_be_shown(status):
                return False
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    except OSError:
        return False
    return size > _COPIED


def _statuses(path: str) -> Iterator[os.stat_result]:
    yield os.lstat(path)
    for folder, folders, names in os.walk(path):
        for name in (*folders, *names):
            yield os.lstat(f"{folder}/{name}")


def _may_be_shown(status: os.stat_result) -> bool:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        return True  # it leads to something else that is shown, or nowhere
    if kind not in {stat.S_IFREG, stat.S_IFDIR}:
        return False
    wanted = stat.S_IROTH | stat.S_IXOTH if kind == stat.S_IFDIR else stat.S_IROTH
    return os.geteuid() != 0 or status.st_mode & wanted == wanted


def read_inputs(inputs: Sequence[Input], *, disk_mb: int) -> dict[str, bytes]:
    """Inputs as files to copy into a session: path below the working directory to content.

    Raises:
        ExecutorError: they cannot be read, or do not fit.
    """
    files: dict[str, bytes] = {}
    room = disk_mb << 20
    for item in inputs:
        for name, content in _contents(item, room):
            files[name] = content
            room -= len(content)
            if room < 0:
                raise _too_large(item.name, disk_mb)
    return files


def _contents(item: Input, room: int) -> Iterator[tuple[str, bytes]]:
    if item.path is None:
        yield item.name, item.content
        return
    try:
        if os.path.isfile(item.path):  # noqa: PTH113 - a str
            yield item.name, _read(item.path, room)
            return
        if not os.path.isdir(item.path):  # noqa: PTH112 - as above
            raise ExecutorError(f"The input {item.name!r} is gone: there is no file or folder {item.path!r} any more.")
        for folder, _, names in os.walk(item.path):
            for name in sorted(names):
                path = f"{folder}/{name}"
                inner = f"{item.name}/{os.path.relpath(path, item.path)}"
                if stat.S_ISREG(os.lstat(path).st_mode) and is_name(inner):
                    yield inner, _read(path, room)
    except OSError as failure:
        raise ExecutorError(f"The input {item.name!r} cannot be read: {failure}.") from failure


def _read(path: str, room: int) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a str
        return file.read(max(room, 0) + 1)


def _too_large(name: str, disk_mb: int) -> ExecutorError:
    return ExecutorError(
        f"The input {name!r} does not fit: files that are copied into a session have {mebibytes(disk_mb << 20)} "
        f"together (Limits.disk_mb={disk_mb}). With isolation 'full', larger ones that everybody may read are "
        "not copied."
    )
