"""The lease of a thread that is stored in a file: a locked file of its own in a folder beside the store.

The kernel drops the lock with the process, so a file that a killed process leaves locks nobody out.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from lumo_graph.checkpoints.holders import Holder, busy
from lumo_graph.errors import ConfigurationError

_MOST_BYTES = 4096
_READ_TRIES, _PAUSE_SECONDS = 20, 0.005


@contextmanager
def hold_file(database: Path, thread_id: str) -> Generator[None, None, None]:
    """The thread's only writer for the length of a `with` block.

    Args:
        database: the file the thread is stored in.
        thread_id: the thread.

    Raises:
        ThreadBusyError: somebody else holds it.
        ConfigurationError: no file can be made beside the store.
    """
    database = database.resolve()
    folder = database.with_name(f"{database.name}-leases")
    path = folder / f"{hashlib.sha256(thread_id.encode(errors='surrogatepass')).hexdigest()[:32]}.lock"
    try:
        handle = _take(path, database, thread_id)
    except OSError as error:
        raise ConfigurationError(f"The lease file {str(path)!r} cannot be used: {error.strerror}.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # before it is unlocked, so that nobody has taken it yet
        fcntl.flock(handle, fcntl.LOCK_UN)  # also for a process that was forked meanwhile
        os.close(handle)
        with suppress(OSError):
            folder.rmdir()  # the last one does


def _take(path: Path, database: Path, thread_id: str) -> int:
    while True:
        if not path.parent.exists():
            _make_folder(path.parent, database)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # the last holder removed the folder just now
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, handle):
                os.fchmod(handle, database.stat().st_mode & 0o666)  # whoever may use the store may use this
                os.ftruncate(handle, 0)
                os.pwrite(handle, Holder.this().to_json().encode(), 0)
                return handle
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise busy(thread_id, holder) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its holder removed it just now: what we have locked is no longer there


def _make_folder(folder: Path, database: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir()
        with suppress(FileNotFoundError):
            folder.chmod(database.parent.stat().st_mode & 0o1777)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder(handle: int) -> Holder | None:
    """Who wrote the file; it may be about to."""
    for _ in range(_READ_TRIES):
        if holder := Holder.from_json(os.pread(handle, _MOST_BYTES, 0).decode(errors="replace")):
            return holder
        time.sleep(_PAUSE_SECONDS)
    return None
