"""Giving a new session its tools and its namespace. What breaks the interpreter on the way is left out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors.checking import parse_text, parse_unsaved
from lumo_graph.executors.control import EndedError
from lumo_graph.executors.frames import CHUNK, TO_WORKER_CAP, FrameError, FrameTooLargeError, mebibytes, pack
from lumo_graph.executors.link import Link
from lumo_graph.executors.worker.text import cut

_SECONDS = 15.0
"""For a namespace, all attempts together; a large one gets more."""
_BYTES_PER_SECOND = 8 << 20
_LEAST_SECONDS = 1.0
_MAX_ATTEMPTS = 4
_SAID = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a session has of its namespace."""

    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    """Component that was given to it to its size in bytes."""
    files: Mapping[str, int] = field(default_factory=dict[str, int])
    """File of its working directory that was given to it to its size in bytes."""
    left_out: tuple[str, ...] = ()
    """Components that were not."""
    lost: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path of a value that is missing to the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """What a session is given besides its variables."""

    tools: Sequence[dict[str, Any]] = ()
    imports: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    inputs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Files that the code may read only, by their path below the working directory."""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Files that another session had in its working directory."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, (*self.inputs.values(), *self.files.values())))


class Attempts:
    """Attempts to load one namespace, each in a session of its own.

    Args:
        namespace: its components.
        memory_mb: what a session may use, for the message if that is too little.
    """

    def __init__(self, namespace: Mapping[str, bytes], *, memory_mb: int) -> None:
        self._namespace = dict(namespace)
        self._memory_mb = memory_mb
        self._size = sum(map(len, self._namespace.values()))
        self._seconds = _SECONDS + self._size / _BYTES_PER_SECOND
        self._left_out: dict[str, str] = {}
        self._spent = 0.0
        self._count = 0
        self._excused = False

    def furnish(self, link: Link, furniture: Furniture) -> Restored | None:
        """Give a session that has just started its tools, its files and what is left of the namespace.

        Returns:
            What it has now; None if it broke, and another one is to be tried, with less unless somebody outside may
            have ended it.

        Raises:
            SnapshotError: the namespace cannot be loaded in any session.
            ExecutorError: no session could be started.
        """
        started = time.monotonic()
        self._count += 1
        loading: list[str | None] = []
        # Half of the time, so that one component that blocks leaves some for the others.
        seconds = max((self._seconds - self._spent) / 2, _LEAST_SECONDS) if self._namespace else _SECONDS
        seconds += furniture.size / _BYTES_PER_SECOND
        try:
            self._send(link, furniture, seconds)
            restored = self._wait(link, started + seconds, loading)
            return replace(restored, files={name: len(content) for name, content in furniture.files.items()})
        except BrokenError as failure:
            if isinstance(failure, EndedEarlyError) and not self._excused:
                # Somebody outside may have killed it, and no value is lost for that: only a second end is held
                # against what was being loaded.
                self._excused = True
                self._count -= 1
                return None
            if not self._namespace:
                raise
            if not loading:
                raise self._too_large() from failure
            self._leave_out(loading[-1], str(failure))
            return None
        except SnapshotError as failure:
            if not self._left_out:
                raise
            self._leave_out(None, str(failure))
            return None
        finally:
            self._spent += time.monotonic() - started

    def _send(self, link: Link, furniture: Furniture, seconds: float) -> None:
        files = {**furniture.files, **furniture.inputs}
        hello = {
            "tools": list(furniture.tools),
            "imports": None if furniture.imports is None else list(furniture.imports),
            "env": dict(furniture.env),
            "inputs": list(furniture.inputs),
            "components": len(self._namespace),
            "files": len(files),
        }
        try:
            link.send_whole(pack(["hello", hello], TO_WORKER_CAP), seconds)
            for kind, blobs in (("component", self._namespace), ("file", files)):
                for name, blob in blobs.items():
                    _send_parts(link, kind, name, blob, seconds)
        except FrameTooLargeError as failure:
            raise ExecutorError(f"The description of the tools is too large: {failure}.") from failure
        except (TypeError, ValueError) as failure:
            raise SnapshotError(f"The namespace could not be given to the session: {failure!r}.") from failure
        except EndedError as failure:
            raise self._too_large() from failure

    def _too_large(self) -> SnapshotError:
        return SnapshotError(
            f"The session ended, or took too long, while it was given its namespace of {mebibytes(self._size)}. Its "
            f"limit is memory_mb={self._memory_mb}: give it several times as much as the namespace takes."
        )

    def _wait(self, link: Link, until: float, loading: list[str | None]) -> Restored:
        while True:
            answer = receive_one(link, until)
            if answer[0] == "loading":
                name = answer[1] if len(answer) > 1 else None
                if name is not None and (type(name) is not str or name not in self._namespace):
                    raise BrokenError("it loaded what it was not given")
                loading.append(name)
                continue
            try:
                if answer[0] == "refused":
                    raise SnapshotError(f"The namespace could not be restored: {one_line(parse_text(answer))}")
                if answer[0] == "ready":
                    sizes = {name: len(blob) for name, blob in self._namespace.items()}
                    lost = {**parse_unsaved(answer), **self._left_out}
                    link.control.rest()
                    return Restored(sizes=sizes, left_out=tuple(self._left_out), lost=lost)
            except FrameError as failure:
                raise BrokenError(one_line(str(failure))) from failure
            except EndedError as failure:
                raise EndedEarlyError("it ended as soon as it was ready") from failure
            raise BrokenError(f"it answered {one_line(str(answer[0]))[:50]!r} where it should be ready")

    def _leave_out(self, name: str | None, why: str) -> None:
        # Without a name, or when there is no end to it, nothing of the namespace can be trusted.
        hopeless = self._count >= _MAX_ATTEMPTS - 1 or self._spent >= self._seconds
        for gone in [*self._namespace] if name is None or hopeless else [name]:
            del self._namespace[gone]
            self._left_out[gone] = cut(f"it could not be restored: {why}", _SAID)


def _send_parts(link: Link, kind: str, name: str, blob: bytes, seconds: float) -> None:
    for start in range(0, max(len(blob), 1), CHUNK):
        part, end = blob[start : start + CHUNK], start + CHUNK >= len(blob)
        link.send_whole(pack([kind, name, part, end], TO_WORKER_CAP), seconds)


class BrokenError(ExecutorError):
    """A session ended, blocked or lied while it was starting."""


class EndedEarlyError(BrokenError):
    """It ended."""


def receive_one(link: Link, until: float) -> list[Any]:
    """The next message of a session that is not running actions yet.

    Raises:
        BrokenError: it ended, sent something else, or took too long.
    """
    last_words = b""
    while (left := until - time.monotonic()) > 0:
        try:
            if (message := link.receive_one()) is not None:
                return message
            _, (_, stderr), _ = link.wait(left)
        except (EndedError, FrameError) as failure:
            last_words += b"".join(stderr for _, stderr in link.drain())
            said = one_line(last_words[-_SAID:].decode("utf-8", "replace")) or f"exit status {link.control.end(1.0)}"
            raise EndedEarlyError(f"The session ended while it was starting: {said}") from failure
        last_words = (last_words + stderr)[-_SAID:]
    raise BrokenError("The session took too long to start.")


def one_line(text: str) -> str:
    """What a session said, as one bounded line without control characters."""
    return cut("".join(letter if letter.isprintable() else " " for letter in cut(text, _SAID)).strip(), _SAID)
