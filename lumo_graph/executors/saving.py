"""Taking a snapshot from a session. What it says it adds may be within bounds every time, and the whole beyond any."""

import time
from collections.abc import Callable, Mapping

from lumo_graph.errors import SnapshotError
from lumo_graph.executors.checking import parse_component, parse_file, parse_text, parse_unsaved
from lumo_graph.executors.frames import TO_WORKER_CAP, FrameError, mebibytes, pack
from lumo_graph.executors.link import Link
from lumo_graph.executors.restoring import Restored, one_line
from lumo_graph.executors.running import SEND_SECONDS
from lumo_graph.executors.worker.folder import MAX_FILES, MAX_NAME
from lumo_graph.types import Snapshot

_SECONDS = 15.0
_MOST_BYTES = 272 << 20
_MOST_COMPONENTS = 250_000


class Saved:
    """What a session has saved so far, in names and sizes.

    Args:
        restored: what it began with.
        keep_files_mb: size of its files together.
    """

    def __init__(self, restored: Restored, *, keep_files_mb: int) -> None:
        self._components = Ledger("a namespace of", restored.sizes, most_bytes=_MOST_BYTES, most_names=_MOST_COMPONENTS)
        files = (keep_files_mb << 20) + MAX_FILES * MAX_NAME
        self._files = Ledger("files:", restored.files, most_bytes=files, most_names=MAX_FILES)
        self._left_out = restored.left_out

    def take(self, link: Link, is_stopped: Callable[[], bool]) -> Snapshot:
        """What has changed since the last time.

        Args:
            link: to the session, which does nothing else.
            is_stopped: says whether somebody wants it to end.

        Raises:
            SnapshotError: the session cannot save its namespace.
            TimeoutError: it takes too long, or was stopped.
            EndedError, FrameError: the session ended, or answers something else.
        """
        snapshot = self._receive(link, is_stopped)
        gone: dict[str, bytes | None] = dict.fromkeys(self._left_out)
        changed = {**gone, **snapshot.changed}
        self._components.take_in(changed)
        self._files.take_in(snapshot.files)
        self._left_out = ()
        return Snapshot(changed=changed, unsaved=snapshot.unsaved, files=snapshot.files)

    def _receive(self, link: Link, is_stopped: Callable[[], bool]) -> Snapshot:
        link.send_whole(pack(["snapshot"], TO_WORKER_CAP), SEND_SECONDS)
        until = time.monotonic() + _SECONDS
        components, files = Parts(self._components), Parts(self._files)
        while (left := until - time.monotonic()) > 0:
            if is_stopped():
                raise TimeoutError("it was interrupted")
            readable, _, _ = link.wait(left)
            for message in link.receive() if readable else ():
                match message[0]:
                    case "component":
                        components.add(*parse_component(message))
                    case "file":
                        files.add(*parse_file(message))
                    case "snapped":
                        unsaved = parse_unsaved(message)
                        return Snapshot(changed=components.whole(), unsaved=unsaved, files=files.whole())
                    case "refused":
                        raise SnapshotError(f"The namespace could not be saved: {one_line(parse_text(message))}")
                    case "call":
                        pass  # of a thread that the last action has left behind: nobody answers
                    case _:
                        raise FrameError("something else than a snapshot")
        raise TimeoutError(f"it took more than {_SECONDS:g} s")


class Ledger:
    """Names with the sizes of what they stand for, bounded together."""

    def __init__(self, what: str, sizes: Mapping[str, int], *, most_bytes: int, most_names: int) -> None:
        self._what = what
        self._sizes = dict(sizes)
        self._most_bytes = most_bytes
        self._most_names = most_names

    def check(self, size: int, names: int) -> None:
        """Refuse what is too much.

        Raises:
            FrameError: it is.
        """
        if size > self._most_bytes or names > self._most_names:
            raise FrameError(f"{self._what} {names} parts and {mebibytes(size)}")

    def take_in(self, changed: Mapping[str, bytes | None]) -> None:
        """Note what has changed; None is gone.

        Raises:
            FrameError: together it is too much now.
        """
        sizes = self._sizes | {name: len(blob) for name, blob in changed.items() if blob is not None}
        for name, blob in changed.items():
            if blob is None:
                sizes.pop(name, None)
        self.check(sum(sizes.values()), len(sizes))
        self._sizes = sizes


class Parts:
    """Puts together what comes in parts, never more of it than a ledger has room for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._blobs: dict[str, bytearray | None] = {}
        self._size = 0
        self._names = 0

    def add(self, name: str, part: bytes | None) -> None:
        """Take one part of what has a name.

        Raises:
            FrameError: it is one too many.
        """
        if part is None:
            self._blobs[name] = None
        else:
            self._names += name not in self._blobs
            blob = self._blobs.setdefault(name, bytearray())
            if blob is None:
                raise FrameError("something that is gone and has bytes")
            blob += part
            self._size += len(part) + len(name)  # so that parts without bytes come to an end too
        self._ledger.check(self._size, self._names)
        if len(self._blobs) > _MOST_COMPONENTS:
            raise FrameError(f"more than {_MOST_COMPONENTS} names")

    def whole(self) -> dict[str, bytes | None]:
        """All that has come."""
        return {name: None if blob is None else bytes(blob) for name, blob in self._blobs.items()}
