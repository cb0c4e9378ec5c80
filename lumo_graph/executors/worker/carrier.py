"""What two relays say to each other over two pipes: pieces of a session's streams, and who may send how much.

A relay holds what it has not delivered yet, so each side tells the other what it has. Until then at most `WINDOW` bytes
are on their way, and orders, which are short, need no leave: they arrive however full everything else is. The other
side is untrusted: what is not expected of it is a `FrameError`.
"""

import os
from typing import Any

from lumo_graph.executors.frames import FrameError, Frames, pack
from lumo_graph.executors.worker import orders

CHUNK = 1 << 16
"""Bytes of one piece."""
WINDOW = 1 << 20
"""Bytes that may be on their way in one direction."""
CAP = CHUNK + 64
"""Bytes of one message."""
DATA, STDOUT, STDERR, CONTROL = "data", "stdout", "stderr", "control"
BULK = (DATA, STDOUT, STDERR)
CREDIT, RENEWED, END = "credit", "renewed", "end"
HERE, FIND, FOUND, LOAD, LOADED, FAILED, FORK = "here", "find", "found", "load", "loaded", "failed", "fork"
"""Before the relays take over. The worker says which code and which Python is here; then the host asks which packages
can be imported, or has some loaded and a session forked."""
_READ = 1 << 18
_MAX_UNSENT = 4 << 20


class Carrier:
    """One side's ends of the two pipes.

    Args:
        reading: from the other side.
        writing: to the other side.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self._frames = Frames(CAP)
        self._unsent = bytearray()
        self._room = WINDOW
        self._owed = 0
        self._delivered = 0
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)

    @property
    def room(self) -> int:
        """Bytes of pieces that may be sent now."""
        return self._room

    @property
    def unsent(self) -> bool:
        """Whether something waits for the pipe to take it."""
        return bool(self._unsent)

    @property
    def congested(self) -> bool:
        """Whether so much waits that orders have to wait too."""
        return len(self._unsent) > _MAX_UNSENT

    def put(self, kind: str, content: Any) -> None:
        """Send a message as soon as the pipe takes it."""
        self._unsent += pack([kind, content], CAP)
        if kind in BULK:
            self._room -= len(content)

    def flush(self) -> None:
        """Write what the pipe takes now. That nobody reads it any more, `take` will tell."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self.writing, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent.clear()

    def take(self) -> list[list[Any]] | None:
        """Messages that have arrived, checked; None when there will be none any more.

        Raises:
            FrameError: one that the other side may not send.
        """
        try:
            data = os.read(self.reading, _READ)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        return [message for message in self._frames.feed(data) if not self._settle(message)]

    def take_one(self) -> list[Any] | None:
        """A message of the time before the relays take over, if it is complete now. Nothing after it is read.

        Raises:
            EOFError: there will be none any more.
            FrameError: what arrived is no message.
        """
        try:
            data = os.read(self.reading, self._frames.missing)
        except BlockingIOError:
            return None
        if not data:
            raise EOFError
        return next(iter(self._frames.feed(data)), None)

    def delivered(self, size: int) -> None:
        """Let the other side send as many bytes more. Said in large numbers, not for every piece."""
        self._delivered += size
        if self._delivered >= WINDOW // 4:
            self.put(CREDIT, self._delivered)
            self._owed -= self._delivered
            self._delivered = 0

    def _settle(self, message: list[Any]) -> bool:
        # Whether the message was about credit, and is done with.
        match message:
            case ["credit", int(size)] if 0 < size <= WINDOW - self._room:
                self._room += size
                return True
            case ["data" | "stdout" | "stderr", bytes(piece)] if 0 < len(piece) <= WINDOW - self._owed:
                self._owed += len(piece)
            case ["control", bytes(order)] if 0 < len(order) <= orders.MOST:
                pass
            case ["renewed" | "end", "data" | "stdout" | "stderr" | "control"]:
                pass
            case _:
                raise FrameError(f"a message of kind {message[0][:50]!r} that may not be sent")
        return False
