"""Connects a session with its host where no descriptor can reach from the one to the other.

There is a relay on each side, with the four descriptors of a session: the stream of messages, the stream of orders,
and the pipes of output. What comes out of them on one side goes into them on the other, in the order it was
written: an action's output before its end, the announcement of an action before the action.
"""

import contextlib
import os
import select
import socket
from collections import deque

from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.carrier import BULK, CHUNK, CONTROL, DATA, END, RENEWED, STDERR, STDOUT, Carrier
from lumo_graph.executors.worker.starting import Ends

_ROOM_FOR_ALL = len(BULK) * CHUNK  # output that was written before a message must fit too


class Relay:
    """One of the two. Owns the descriptors it is given, and is driven by `step`.

    Args:
        carrier: to the other relay.
        ends: of the session's streams.
        inside: whether it stands on the session's side, where output is read, not on the host's, where it is written.
    """

    def __init__(self, carrier: Carrier, ends: Ends, *, inside: bool) -> None:
        self.left = False
        """Whether whoever is at the other end of the stream of orders has gone."""
        self.cut = False
        """Whether the other relay has gone, whatever it has said before."""
        self.finished = False
        """Whether the other relay has said that there is no session any more, nor anything that is left of one."""
        self.killed = False
        """Whether the host has ordered the end of the session."""
        self.died = False
        """Whether the other side has said how the session's process ended."""
        self._carrier = carrier
        self._inside = inside
        self._data = socket.socket(fileno=ends.data)
        self._control = socket.socket(fileno=ends.control)
        self._outputs = {STDOUT: ends.stdout, STDERR: ends.stderr}
        self._sources = {*BULK} if inside else {DATA}
        self._ended: set[str] = set()
        self._queue: deque[tuple[str, memoryview]] = deque()
        self._renewals = 0
        self._thawing = False
        self._data.setblocking(False)
        self._control.setblocking(False)
        for descriptor in self._outputs.values():
            os.set_blocking(descriptor, False)

    @property
    def drained(self) -> bool:
        """Whether nothing comes out of the streams on this side any more."""
        return not self._sources

    @property
    def delivered(self) -> bool:
        """Whether everything that has come from the other relay is where it belongs."""
        return not self._queue

    def step(self, seconds: float | None, also: int | None = None) -> bool:
        """Wait until something can be done, and do it.

        Args:
            seconds: how long to wait at most; None: without end.
            also: another descriptor to wait for.

        Returns:
            Whether `also` can be read.

        Raises:
            FrameError: the other side has sent what it may not send.
        """
        poll = select.poll()
        for descriptor, events in self._interests().items():
            poll.register(descriptor, events)
        if also is not None:
            poll.register(also, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(None if seconds is None else max(seconds, 0.0) * 1000)}
        if self._carrier.reading in ready:
            self._take()
        self._collect(ready)
        self._deliver()
        self._carrier.flush()
        return also in ready

    def tell(self, order: bytes) -> None:
        """Say something in the stream of orders, in the name of the other side."""
        with contextlib.suppress(OSError):
            orders.send(self._control, order)

    def say(self, text: str) -> None:
        """Add to the error output, as much as it takes at once."""
        if STDERR in self._outputs:
            with contextlib.suppress(OSError):
                os.write(self._outputs[STDERR], text.encode())

    def close_streams(self) -> None:
        """Let go of the streams of messages and of output."""
        self._data.close()
        for name in [*self._outputs]:
            os.close(self._outputs.pop(name))

    def close(self) -> None:
        """Let go of everything. Of the stream of orders last: whoever is at its end knows that it is over then."""
        self.close_streams()
        self._control.close()

    def _interests(self) -> dict[int, int]:
        carrier = self._carrier
        wanted: dict[int, int] = {}
        if not self.cut:
            wanted[carrier.reading] = select.POLLIN
            if carrier.unsent:
                wanted[carrier.writing] = select.POLLOUT
        if self._may_take_orders():
            wanted[self._control.fileno()] = select.POLLIN
        if self._may_collect():
            wanted |= {self._descriptor(name): select.POLLIN for name in self._sources}
        if self._queue:
            descriptor = self._descriptor(self._queue[0][0])
            wanted[descriptor] = wanted.get(descriptor, 0) | select.POLLOUT
        return wanted

    def _may_collect(self) -> bool:
        return self._carrier.room >= _ROOM_FOR_ALL

    def _may_take_orders(self) -> bool:
        # The host's come however full everything else is. What is answered to them comes after the output before it.
        return not self.left and (self._may_collect() if self._inside else not self._carrier.congested)

    def _descriptor(self, name: str) -> int:
        return self._data.fileno() if name == DATA else self._outputs[name]

    def _collect(self, ready: set[int]) -> None:
        # Read in one order and sent in the other: what was written to one before another is ahead of it then.
        may = self._may_collect()
        data = self._read(DATA, ready) if may else None
        given: list[bytes] = []
        if self._may_take_orders() and (data is not None or self._control.fileno() in ready):
            given = self._take_orders()
        if may:
            for name in (STDOUT, STDERR):
                self._send(name, self._read(name, None if data is not None or given else ready))
        for order in given:
            self._carrier.put(CONTROL, order)
        if not any(order[:1] == orders.THAW for order in given) or self._inside:
            self._send(DATA, data)

    def _read(self, name: str, ready: set[int] | None) -> bytes | None:
        # None: nothing is there. Empty: nothing will be there any more. Without `ready` one looks for oneself.
        if name not in self._sources or (ready is not None and self._descriptor(name) not in ready):
            return None
        try:
            return self._data.recv(CHUNK) if name == DATA else os.read(self._outputs[name], CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _send(self, name: str, piece: bytes | None) -> None:
        if piece is None:
            return
        if piece:
            self._carrier.put(name, piece)
            return
        self._sources.discard(name)
        if self._inside:
            self._carrier.put(END, name)

    def _take_orders(self) -> list[bytes]:
        given: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while not self.left:
                order, descriptors, _ = orders.receive(self._control)
                if not self._inside and order[:1] == orders.THAW and len(descriptors) == 1:
                    self._renew(socket.socket(fileno=descriptors.pop()))
                    self._renewals += 1
                    self._thawing = True
                orders.discard(descriptors)
                self.killed |= order == orders.KILL
                self.left = not order
                given += [order] if order else []
        return given

    def _take(self) -> None:
        messages = self._carrier.take()
        if messages is None:
            self.cut = True
            return
        for message in messages:
            match message:
                case ["control", order]:
                    self._obey(order)
                case ["renewed", _]:
                    self._expect_renewed()
                case ["end", "control"]:
                    self.finished = True
                case ["end", name]:
                    self._expect_end(name)
                case [name, piece]:
                    self._accept(name, piece)
                case _:
                    raise AssertionError(message)  # the carrier lets nothing else through

    def _obey(self, order: bytes) -> None:
        theirs: list[socket.socket] = []
        self.died |= order[:1] == orders.DIED
        if order[:1] == orders.THAW:
            self._deliver()  # what is from before
            self._thawing = False
            if self._inside:
                ours, stream = socket.socketpair()
                theirs.append(stream)
                self._renew(ours)
                self._sources.add(DATA)
                self._carrier.put(RENEWED, DATA)
        try:
            orders.send(self._control, order, *(stream.fileno() for stream in theirs))
        except BlockingIOError as failure:
            raise FrameError("more orders than anybody takes") from failure
        except OSError:
            pass  # nobody is there any more, which will be noticed
        finally:
            for stream in theirs:
                stream.close()

    def _renew(self, data: socket.socket) -> None:
        data.setblocking(False)
        self._data.close()
        self._data = data
        self._sources.add(DATA)
        dropped = [piece for name, piece in self._queue if name == DATA]
        self._queue = deque(entry for entry in self._queue if entry[0] != DATA)
        self._carrier.delivered(sum(map(len, dropped)))

    def _expect_renewed(self) -> None:
        if not self._renewals:
            raise FrameError("a new stream that nobody asked for")
        self._renewals -= 1
        self._ended.discard(DATA)

    def _expect_end(self, name: str) -> None:
        if name in self._ended:
            raise FrameError("a second end of a stream")
        self._ended.add(name)
        if name != DATA or not self._renewals:
            self._queue.append((name, memoryview(b"")))

    def _accept(self, name: str, piece: bytes) -> None:
        if name in self._ended or (self._inside and name != DATA):
            raise FrameError("a piece of a stream that has ended")
        if name == DATA and self._renewals:
            self._carrier.delivered(len(piece))  # of the stream before
        else:
            self._queue.append((name, memoryview(piece)))

    def _deliver(self) -> None:
        # At a thaw and at the end nobody reads: what does not fit then is dropped.
        while self._queue:
            name, piece = self._queue[0]
            if not piece:
                self._close_sink(name)
                self._queue.popleft()
                continue
            taken = self._write(name, piece)
            if not taken and not self._thawing and not self.killed:
                return
            taken = taken or len(piece)
            self._carrier.delivered(taken)
            if taken < len(piece):
                self._queue[0] = (name, piece[taken:])
            else:
                self._queue.popleft()

    def _write(self, name: str, piece: memoryview) -> int:
        try:
            return self._data.send(piece) if name == DATA else os.write(self._outputs[name], piece)
        except BlockingIOError:
            return 0
        except OSError:
            return len(piece)  # nobody wants it

    def _close_sink(self, name: str) -> None:
        if name != DATA:
            os.close(self._outputs.pop(name))
            return
        self._sources.discard(DATA)
        with contextlib.suppress(OSError):
            self._data.shutdown(socket.SHUT_RDWR)
