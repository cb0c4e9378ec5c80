"""The guard of a session without namespaces: it takes the host's orders and watches what the session uses.

The session's processes are those that descend from the guard. It runs no code of theirs, and cannot keep them from
anything; it looks, and ends the session.
"""

import math
import select
import signal
import socket
import time

from lumo_graph.executors.jail.plan import Plan
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.clearing import descendants, stop_descendants
from lumo_graph.executors.worker.disk import DiskWatch
from lumo_graph.executors.worker.group import Group, was_starved
from lumo_graph.executors.worker.memory import MemoryWatch
from lumo_graph.executors.worker.processes import are_still, reap, send
from lumo_graph.executors.worker.processor import ProcessorWatch
from lumo_graph.executors.worker.resting import Rest

_OFTEN = 0.1
"""Seconds between two looks at the processes."""
_DISK_OFTEN, _DISK_SHARE = 0.5, 10
"""Seconds between two looks at the files; or, where they are many, how much longer than a look takes."""


class Keeper:
    """Watches one session until it ends.

    Args:
        plan: what it may use.
        child: its first process, a child of this one.
        control: stream of orders.
        woken: becomes readable when a child has ended.
        workplace: the directory it writes to.
        group: control group that it is in; None: there is none.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        child: int,
        control: socket.socket,
        woken: socket.socket,
        workplace: str,
        group: Group | None,
    ) -> None:
        self._child = child
        self._control = control
        self._woken = woken
        self._memory = MemoryWatch(plan.memory_mb, own_network=False)
        self._disk = DiskWatch(workplace, plan.disk_mb)
        self._group = group
        self._processor = ProcessorWatch(plan.cpu_seconds, group=group, pids=descendants)
        self._rest = Rest(stop=stop_descendants, is_still=lambda: are_still(descendants()), let_go=_let_go, group=group)
        self._word = b""
        self._next_look = 0.0
        self._next_walk = math.inf
        self._poll = select.poll()
        for stream in (control, woken):
            self._poll.register(stream, select.POLLIN)

    def keep(self) -> bytes:
        """Serve until the session has ended, by itself, by an order, or for what it used.

        Returns:
            What to tell the host about its end. Processes that it has started may still be there.
        """
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._pause())}
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
                if (status := dict(reap()).get(self._child)) is not None:
                    return orders.died(status, orders.FOR_MEMORY if was_starved(self._group, status) else b"")
            message = self._take_order() if self._control.fileno() in ready else b""
            message = message or self._look()
            if message:
                return message

    def _take_order(self) -> bytes:
        # Returns what to tell of the end of the session if this is one.
        message, descriptors, _ = orders.receive(self._control)
        orders.discard(descriptors)
        match message[:1]:
            case orders.BEGIN:
                self._word = message[1:]
                self._rest.end()
                self._processor.begin()
                self._next_look = time.monotonic() + _OFTEN
                self._next_walk = time.monotonic() + _DISK_OFTEN
            case orders.ROUSE:
                self._rest.end()
                self._next_look = time.monotonic() + _OFTEN
            case orders.END:
                return self._end_action()
            case orders.INTERRUPT:
                send(self._child, signal.SIGINT)
            case _:
                return self._kill(b"")
        return b""

    def _end_action(self) -> bytes:
        self._processor.end()
        self._next_walk = math.inf
        if self._disk.is_over():
            return self._kill(orders.FOR_DISK)
        self._rest.begin()
        orders.tell(self._control, orders.END)
        return b""

    def _look(self) -> bytes:
        now = time.monotonic()
        if not self._rest.held and now >= self._next_look:
            if self._memory.is_over(self._child, descendants() - {self._child}):
                return self._kill(orders.FOR_MEMORY)
            if self._processor.is_over():
                self._processor.end()
                orders.tell(self._control, orders.OVER + self._word)
            self._next_look = now + _OFTEN
        if now >= self._next_walk:
            if self._disk.is_over():
                return self._kill(orders.FOR_DISK)
            done = time.monotonic()
            self._next_walk = done + max(_DISK_OFTEN, _DISK_SHARE * (done - now))
        self._rest.look()
        return self._kill(b"") if self._rest.defied else b""

    def _pause(self) -> float | None:
        # In milliseconds. What is held still needs no look.
        due = self._rest.due if self._rest.held else min(self._rest.due, self._next_look, self._next_walk)
        return None if due == math.inf else max(due - time.monotonic(), 0.0) * 1000

    def _kill(self, reason: bytes) -> bytes:
        send(self._child, signal.SIGKILL)
        return orders.died(-signal.SIGKILL, reason)


def _let_go() -> None:
    for pid in descendants():
        send(pid, signal.SIGCONT)
