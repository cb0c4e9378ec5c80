"""The session's end of its stream to the host, shared by every thread and event loop of its code.

There is no reader thread. Whoever waits for something reads; what it reads for others it hands to them, and when it has
its own it lets the next one read. With one thread, the usual case, that is one blocking read per reply.
"""

import os
import socket
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from typing import Any

from lumo_graph.executors.frames import TO_HOST_CAP, TO_WORKER_CAP, Frames, pack

_READ = 1 << 16


class Pending:
    """A request that waits for its reply."""

    __slots__ = ("future", "loop", "reply")

    def __init__(self, loop: AbstractEventLoop | None = None, future: "Future[list[Any]] | None" = None) -> None:
        self.loop = loop
        self.future = future
        self.reply: list[Any] | None = None

    def settle(self, reply: list[Any]) -> None:
        """Give the reply to whoever waits."""
        self.reply = reply
        if self.loop is not None and self.future is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(_resolve, self.future, reply)


def _resolve(future: "Future[list[Any]]", reply: list[Any]) -> None:
    if not future.done():
        future.set_result(reply)


class ClosedError(Exception):
    """The host has closed the stream, or this process must not use it."""


class Channel:
    """Sends messages to the host and hands what comes back to those who wait for it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._descriptor = sock.fileno()
        self._owner = os.getpid()
        self._frames = Frames(TO_WORKER_CAP)
        self._sending = threading.Lock()
        self._changed = threading.Condition(threading.Lock())
        self._reading = False
        self._inbox: deque[list[Any]] = deque()
        self._pending: dict[int, Pending] = {}
        self._watching: dict[AbstractEventLoop, int] = {}
        os.register_at_fork(after_in_child=self._abandon)

    def renew(self, sock: socket.socket) -> None:
        """Go on over a new stream, in a process that is a copy of the one before and has this thread only."""
        self._socket.close()
        for loop in self._watching:
            if not loop.is_closed():
                loop.remove_reader(self._descriptor)
        self._watching.clear()
        self._socket = sock
        self._descriptor = sock.fileno()
        self._owner = os.getpid()
        self._frames = Frames(TO_WORKER_CAP)
        self._sending = threading.Lock()
        self._changed = threading.Condition(threading.Lock())
        self._reading = False
        self._inbox.clear()
        self._pending.clear()

    @property
    def waiting(self) -> int:
        """Requests without a reply."""
        return len(self._pending)

    def send(self, message: list[Any]) -> None:
        """Send a message, whole.

        Raises:
            FrameTooLargeError, TypeError, ValueError: it cannot be sent; nothing was.
            ClosedError: there is nobody to send it to.
        """
        data = pack(message, TO_HOST_CAP)
        if os.getpid() != self._owner:
            raise ClosedError("a child process cannot talk to the host")
        with self._sending:
            self._socket.sendall(data)

    def receive(self) -> list[Any]:
        """The next message that is not a reply.

        Raises:
            ClosedError: the host is gone.
        """
        while True:
            with self._changed:
                while not self._inbox and self._reading:
                    self._changed.wait()
                if self._inbox:
                    return self._inbox.popleft()
                self._reading = True
            self._read_once()

    def request(self, key: int, message: list[Any]) -> list[Any]:
        """Send a message and wait for the reply that carries `key`."""
        pending = Pending()
        self._pending[key] = pending
        try:
            self.send(message)
            while pending.reply is None:
                with self._changed:
                    while pending.reply is None and self._reading:
                        self._changed.wait()
                    if pending.reply is not None:
                        break
                    self._reading = True
                self._read_once()
        finally:
            self._pending.pop(key, None)
        return pending.reply

    async def request_async(self, key: int, message: list[Any], loop: AbstractEventLoop) -> list[Any]:
        """Like `request`, from a coroutine that runs in `loop`."""
        pending = Pending(loop, loop.create_future())
        assert pending.future is not None  # noqa: S101 - made one line above
        self._pending[key] = pending
        self._watch(loop)
        try:
            self.send(message)
            return await pending.future
        finally:
            self._unwatch(loop)
            self._pending.pop(key, None)

    def abandon_requests(self, reply: list[Any]) -> None:
        """Give every request that still waits this reply instead of its own."""
        with self._changed:
            for pending in list(self._pending.values()):
                pending.settle(reply)
            self._pending.clear()
            self._changed.notify_all()

    def _read_once(self, flags: int = 0) -> None:
        messages: list[list[Any]] = []
        try:
            data = self._socket.recv(_READ, flags)
            if not data:
                raise ClosedError("the host is gone")
            messages = self._frames.feed(data)
        except BlockingIOError:
            pass
        finally:
            # Replies go out before the next one may read, or it could wait for what is already here.
            with self._changed:
                for message in messages:
                    self._hand_out(message)
                self._reading = False
                self._changed.notify_all()

    def _hand_out(self, message: list[Any]) -> None:
        if message[0] != "result":
            self._inbox.append(message)
        elif pending := self._pending.pop(message[1], None):  # none: nobody waits any more
            pending.settle(message)

    def _watch(self, loop: AbstractEventLoop) -> None:
        if not self._watching.get(loop):
            loop.add_reader(self._socket.fileno(), self._read_ready)
        self._watching[loop] = self._watching.get(loop, 0) + 1

    def _unwatch(self, loop: AbstractEventLoop) -> None:
        self._watching[loop] -= 1
        if not self._watching[loop]:
            del self._watching[loop]
            if not loop.is_closed():
                loop.remove_reader(self._socket.fileno())

    def _read_ready(self) -> None:
        with self._changed:
            if self._reading:
                return  # a thread is at it and will hand our reply out
            self._reading = True
        self._read_once(socket.MSG_DONTWAIT)

    def _abandon(self) -> None:
        # In a child that the code has forked: the host must see the end of the session when the session ends.
        self._socket.close()
