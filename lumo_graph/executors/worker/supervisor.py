"""Process 1 of a session's namespaces. It runs no code of the session's.

It starts the runner, which does; keeps the frozen copy that the runner makes of itself before each action; answers
which signals the runner may send; and on the host's order kills everything but the copy, which then is the runner.
Everything that comes from the runner is untrusted.
"""

import math
import os
import select
import signal
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from lumo_graph.executors.jail import signals
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.group import Group, was_starved
from lumo_graph.executors.worker.memory import MemoryWatch
from lumo_graph.executors.worker.processes import are_still, end_all_but, others, reap, send
from lumo_graph.executors.worker.processor import ProcessorWatch
from lumo_graph.executors.worker.resting import Rest

PLACE, LISTENER, HELLO = b"p", b"l", b"h"
"""To the runner: here is the stream for the copy from before the action with this word, `p3f9c`. From the runner: here
is where signals are asked about. From the copy: it waits."""

_MOST_AT_ONCE = 32
_OFTEN, _SELDOM = 0.1, 2.0
"""Seconds between two looks at the processes."""
_HELLO_SECONDS = 0.5
_NOT_WAITING = socket.MSG_DONTWAIT if hasattr(socket, "MSG_DONTWAIT") else 0


@dataclass(slots=True, kw_only=True)
class Copy:
    """A frozen copy of the runner."""

    word: bytes
    """The word for the action it is from before."""
    line: socket.socket
    pid: int | None = None
    """Known once it has said that it waits."""

    def meet(self, seconds: float = 0.0) -> bool:
        """Learn its process id, within `seconds`; whether it is alive and waits."""
        poll = select.poll()
        poll.register(self.line, select.POLLIN)
        if self.pid is None and poll.poll(seconds * 1000):  # the runner has waited for it
            with suppress(BlockingIOError):  # code that has got hold of it was quicker
                message, descriptors, sender = orders.receive(self.line, _NOT_WAITING)
                orders.discard(descriptors)
                if message == HELLO and sender is not None and sender > 1:
                    self.pid = sender
        # It says nothing more: what can be read then is its end.
        return self.pid is not None and not poll.poll(0)


class Supervisor:
    """Takes orders from the host until it goes away.

    Args:
        control: stream of orders.
        runner: id of the process that runs the session's code.
        line: stream to the runner.
        woken: becomes readable when a child has ended.
        memory_mb: what all processes of the session may use together.
        cpu_seconds: processor time that they may use together in one action; None: any.
        group: control group that they are in, all but this one; None: there is none.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        runner: int,
        line: socket.socket,
        woken: socket.socket,
        memory_mb: int,
        cpu_seconds: float | None,
        group: Group | None,
    ) -> None:
        self._control = control
        self._memory = MemoryWatch(memory_mb, own_network=True)
        self._group = group
        self._processor = ProcessorWatch(cpu_seconds, group=group, pids=others)
        self._rest = Rest(
            stop=lambda: send(-1, signal.SIGSTOP),
            is_still=lambda: are_still(others()),
            let_go=lambda: send(-1, signal.SIGCONT),
            group=group,
        )
        self._word = b""
        self._acting = False
        self._next_look = 0.0
        self._runner: int | None = runner
        self._line: socket.socket | None = line
        self._woken = woken
        self._copy: Copy | None = None
        self._listener: int | None = None
        self._orders: deque[tuple[bytes, list[int]]] = deque()
        self._poll = select.poll()
        for stream in (control, line, woken):
            self._poll.register(stream, select.POLLIN)

    def run(self) -> None:
        """Serve until the host says that it is over, or goes away."""
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._pause())}
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
                self._bury()
            self._take_orders()
            while self._orders:
                if not self._obey(*self._orders.popleft()):
                    return
            self._listen()
            if self._listener is not None and self._listener in ready:
                self._answer()
            if not self._rest.held and time.monotonic() >= self._next_look:
                self._look()
            self._rest.look()
            if self._rest.defied:
                return

    def _pause(self) -> float | None:
        # In milliseconds. What is held still needs no look.
        due = self._rest.due if self._rest.held else min(self._rest.due, self._next_look)
        return None if due == math.inf else max(due - time.monotonic(), 0.0) * 1000

    def _look(self) -> None:
        # In an action, and as long as there are other processes, often.
        copy = None if self._copy is None else self._copy.pid
        started = [pid for pid in others(copy) if pid != self._runner]
        if self._memory.is_over(self._runner, started):
            self._end_for_memory()
        elif self._processor.is_over():
            self._processor.end()
            orders.tell(self._control, orders.OVER + self._word)
        self._next_look = time.monotonic() + (_OFTEN if started or self._acting else _SELDOM)

    def _begin(self, word: bytes) -> None:
        self._word = word
        self._drop_copy()
        self._rest.end()
        self._processor.begin()
        self._acting, self._next_look = True, time.monotonic() + _OFTEN
        self._make_place(word)

    def _make_place(self, word: bytes) -> None:
        # The stream comes from here, so that the runner needs no right to send descriptors.
        if self._line is None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with theirs:
            try:
                orders.send(self._line, PLACE + word, theirs.fileno(), flags=_NOT_WAITING)
            except OSError:  # the runner makes no copies, or its code has filled the stream
                ours.close()
            else:
                self._copy = Copy(word=word, line=ours)

    def _end(self) -> None:
        self._acting = False
        self._processor.end()
        self._rest.begin()

    def _end_for_memory(self) -> None:
        self._runner = None
        orders.tell(self._control, orders.died(-signal.SIGKILL, orders.FOR_MEMORY))
        if self._copy is not None and self._copy.meet(_HELLO_SECONDS) and self._copy.pid is not None:
            end_all_but(self._copy.pid)
        else:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)

    def _take_orders(self) -> None:
        # Orders come before what the runner says in answer to the host, but `poll` may show the answer first.
        with suppress(BlockingIOError):
            while True:
                message, descriptors, _ = orders.receive(self._control, _NOT_WAITING)
                match message[:1]:
                    case orders.BEGIN:
                        self._begin(message[1:])
                    case orders.END:
                        self._end()
                    case orders.ROUSE:
                        self._rest.end()
                    case _:
                        self._orders.append((message, descriptors))
                if not message:
                    return

    def _obey(self, message: bytes, descriptors: list[int]) -> bool:
        match message[:1]:
            case orders.THAW:
                thawed = self._thaw(message[1:], descriptors)
                orders.discard(descriptors)
                orders.tell(self._control, orders.THAW + (b"1" if thawed else b"0"))
            case orders.INTERRUPT:
                self._signal(signal.SIGINT)
            case _:
                return False
        return True

    def _listen(self) -> None:
        # Takes what the runner has said; code that gets hold of the line may say anything, without end.
        for _ in range(_MOST_AT_ONCE):
            if self._line is None:
                return
            try:
                message, descriptors, _ = orders.receive(self._line, _NOT_WAITING)
            except BlockingIOError:
                return
            if not message:
                self._hang_up()
            elif message == LISTENER and len(descriptors) == 1 and self._listener is None:
                self._listener = descriptors.pop()
                self._poll.register(self._listener, select.POLLIN)
            orders.discard(descriptors)

    def _thaw(self, word: bytes, descriptors: list[int]) -> bool:
        self._rest.end()  # the copy too may have been held still
        copy = self._copy
        if copy is None or copy.word != word or len(descriptors) != 1 or not copy.meet(_HELLO_SECONDS):
            return False
        assert copy.pid is not None  # noqa: S101 - they have met
        if not end_all_but(copy.pid):
            return False
        if self._line is not None:
            self._hang_up()
        self._runner, self._line, self._copy = copy.pid, copy.line, None
        self._acting = False
        self._processor.end()
        self._poll.register(self._line, select.POLLIN)
        with suppress(OSError):  # nor is it waited for: code may have filled the stream
            orders.send(self._line, orders.THAW, *descriptors, flags=_NOT_WAITING)
            return True
        return False

    def _answer(self) -> None:
        assert self._listener is not None  # noqa: S101 - it is what has become ready
        if (question := signals.receive(self._listener)) is None:
            return
        if self._copy is not None:
            self._copy.meet()  # it has said that it waits before any code of its action ran
        protected = {1} if self._copy is None or self._copy.pid is None else {1, self._copy.pid}
        signals.answer(self._listener, question, allowed=signals.is_allowed(question, protected))

    def _bury(self) -> None:
        for pid, status in reap():
            if pid == self._runner:
                self._runner = None
                reason = orders.FOR_MEMORY if was_starved(self._group, status) else b""
                orders.tell(self._control, orders.died(status, reason))

    def _signal(self, number: int) -> None:
        if self._runner is not None:
            with suppress(ProcessLookupError):
                os.kill(self._runner, number)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._poll.unregister(self._line)
            self._line.close()
            self._line = None

    def _drop_copy(self) -> None:
        if self._copy is not None:
            self._copy.line.close()
            self._copy = None
