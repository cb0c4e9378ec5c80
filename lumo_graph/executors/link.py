"""What the host holds of one session: two streams, two pipes, and a way to wake whoever waits for them."""

import contextlib
import os
import select
import socket
import threading
import time
import weakref
from collections import deque
from typing import Any

from lumo_graph.executors.control import Control, EndedError
from lumo_graph.executors.frames import TO_HOST_CAP, Frames

_READ = 1 << 16
_MAX_DRAIN = 64
_links: "weakref.WeakSet[Link]" = weakref.WeakSet()


class Link:
    """Descriptors of one session. Owned by one thread, but `send_whole` and `wake` are for any."""

    def __init__(self) -> None:
        self.control = Control()
        self._data, self._their_data = socket.socketpair()
        self._stdout, self._their_stdout = os.pipe()
        self._stderr, self._their_stderr = os.pipe()
        self._woken, self._wakes = socket.socketpair()
        self._frames = Frames(TO_HOST_CAP)
        self._poll = select.poll()
        self._open = True
        self._spoiled = False  # the last message was cut off
        self.received = 0
        """Bytes of all messages so far."""
        self._waiting: deque[list[Any]] = deque()
        self._sending = threading.Lock()
        for descriptor in (self._stdout, self._stderr):
            os.set_blocking(descriptor, False)
        for end in (self._data, self._woken, self._wakes):
            end.setblocking(False)
        for descriptor in (self._data, self.control, self._stdout, self._stderr, self._woken):
            self._poll.register(descriptor, select.POLLIN)
        _links.add(self)

    def theirs(self) -> list[int]:
        """The session's ends, in the order a zygote takes them."""
        return [self._their_data.fileno(), self.control.theirs(), self._their_stdout, self._their_stderr]

    def give_away(self) -> None:
        """Close the session's ends here, once it has them or never will."""
        self._their_data.close()
        self.control.give_away()
        os.close(self._their_stdout)
        os.close(self._their_stderr)

    def wait(self, seconds: float) -> tuple[bool, list[bytes], bool]:
        """Wait until something has arrived. `control.over` is up to date then.

        Returns:
            Whether messages wait; bytes of stdout and stderr; whether `wake` was called.
        """
        ready = dict(self._poll.poll(max(seconds, 0.0) * 1000 + 1))
        output = [
            self._read(self._stdout) if self._stdout in ready else b"",
            self._read(self._stderr) if self._stderr in ready else b"",
        ]
        woken = self._woken.fileno() in ready and bool(self._woken.recv(_READ))
        if self.control.fileno() in ready and not self.control.overhear():
            self._poll.unregister(self.control)
        return self._data.fileno() in ready, output, woken

    def wait_for_messages(self, seconds: float) -> bool:
        """Wait for messages alone; output stays where it is."""
        poll = select.poll()
        poll.register(self._data, select.POLLIN)
        return bool(poll.poll(max(seconds, 0.0) * 1000))

    def receive(self) -> list[list[Any]]:
        """Messages that are complete.

        Raises:
            EndedError: there will be none any more.
            FrameError: what arrived is no message.
        """
        try:
            data = self._data.recv(_READ)
        except BlockingIOError:
            return []
        except OSError as failure:
            raise EndedError from failure
        if not data:
            raise EndedError
        self.received += len(data)
        return self._frames.feed(data)

    @property
    def incomplete(self) -> int:
        """Bytes that have arrived of a message that is not complete."""
        return self._frames.incomplete

    def receive_one(self) -> list[Any] | None:
        """The next message if it is complete. The others that came with it wait for the next call.

        Raises:
            EndedError: there will be none any more.
            FrameError: what arrived is no message.
        """
        if not self._waiting:
            self._waiting.extend(self.receive())
        return self._waiting.popleft() if self._waiting else None

    def drain(self) -> list[tuple[bytes, bytes]]:
        """Output that was written before now."""
        parts: list[tuple[bytes, bytes]] = []
        for _ in range(_MAX_DRAIN):  # a thread of the session may write without end
            part = self._read(self._stdout), self._read(self._stderr)
            if part == (b"", b""):
                break
            parts.append(part)
        return parts

    def send_whole(self, data: bytes, seconds: float) -> None:
        """Send a message, whole, from any thread.

        Raises:
            EndedError: the session is gone, or takes nothing for `seconds`.
        """
        if not self._sending.acquire(timeout=seconds):
            raise EndedError
        try:
            if self._spoiled:
                raise EndedError
            self._spoiled = True
            self._send(memoryview(data), time.monotonic() + seconds)
            self._spoiled = False
        except (OSError, ValueError) as failure:  # poll refuses a stream that was closed meanwhile
            raise EndedError from failure
        finally:
            self._sending.release()

    def sends_nothing(self, seconds: float) -> bool:
        """Whether no message is on its way any more, after at most `seconds`, and none was cut off."""
        if not self._sending.acquire(timeout=seconds):
            return False
        whole = not self._spoiled
        self._sending.release()
        return whole

    def _send(self, view: memoryview, until: float) -> None:
        poll = None
        while view:
            try:
                view = view[self._data.send(view) :]
            except BlockingIOError:
                if poll is None:
                    poll = select.poll()
                    poll.register(self._data.fileno(), select.POLLOUT)
                if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                    raise EndedError from None

    def wake(self) -> None:
        """Make `wait` return."""
        with contextlib.suppress(OSError):
            self._wakes.send(b"w")

    def thaw(self, seconds: float) -> bool:
        """Put the copy from before the last action in the place of the session, over a new stream.

        Everything else that the session has started is gone then, whatever it was doing.

        Returns:
            Whether there was such a copy. If not, the session is in no state to be used.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            return False
        with theirs:
            self._replace_data(ours)
            return self.control.thaw(theirs.fileno(), seconds)

    def close(self) -> None:
        """Let go of everything; a session that still runs is ended by its guard."""
        if not self._open:
            return
        self._open = False
        for end in (self._data, self.control, self._woken, self._wakes):
            end.close()
        for descriptor in (self._stdout, self._stderr):
            os.close(descriptor)

    def _replace_data(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        self._poll.unregister(self._data.fileno())
        with contextlib.suppress(OSError):
            self._data.shutdown(socket.SHUT_RDWR)  # whoever is sending into it gives up
        with self._sending:
            self._data.close()
            self._data = ours
            self._frames = Frames(TO_HOST_CAP)
            self._waiting.clear()
            self._spoiled = False
        self._poll.register(ours.fileno(), select.POLLIN)

    def _read(self, descriptor: int) -> bytes:
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return b""
        if not data:  # every writer is gone: it would be ready for ever
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
        return data


def _forget_after_fork() -> None:
    # In a child that the host has forked: a session must end when the host does, not when its child does.
    for link in list(_links):
        link.close()


os.register_at_fork(after_in_child=_forget_after_fork)
