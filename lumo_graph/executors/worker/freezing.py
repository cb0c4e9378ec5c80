"""The session's side of a transaction: before an action its process forks a copy, which waits to take its place."""

import os
import random
import select
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.leftovers import running_threads
from lumo_graph.executors.worker.openfiles import note_positions, put_back
from lumo_graph.executors.worker.supervisor import HELLO, PLACE

_PLACE_SECONDS = 2.0
_HELLO_SECONDS = 0.5
_PAGE = os.sysconf("SC_PAGE_SIZE")

# Kept here: what code does to the modules afterwards does not reach them.
_fork, _getpid, _waitpid, _exit, _lead_group = os.fork, os.getpid, os.waitpid, os._exit, os.setpgrp
_get_random, _set_random = random.getstate, random.setstate
_mask, _pending, _take_signal = signal.pthread_sigmask, signal.sigpending, signal.sigwait
_socketpair, _poll = socket.socketpair, select.poll


@dataclass(frozen=True, slots=True, kw_only=True)
class Thawed:
    """What a copy finds when it wakes up in the place of the process it is a copy of."""

    data: int
    """Descriptor of the new stream to the host."""
    threads: list[str]
    """Names of the threads that are lost: a copy has none of them."""


class Freezer:
    """Makes the copies.

    Args:
        line: stream to the supervisor.
        below_mb: memory up to which copies are made; above it they would take too long.
    """

    def __init__(self, line: socket.socket, *, below_mb: int) -> None:
        self._line = line
        self._below_mb = below_mb
        self._copy: int | None = None
        os.register_at_fork(after_in_child=self._leave)

    @property
    def copy(self) -> int | None:
        """Process id of the copy that waits, if it is a child of this process."""
        return self._copy

    def freeze(self, word: str) -> Thawed | str | None:
        """Make a copy of this process.

        Args:
            word: stands for the action that comes next.

        Returns:
            In this process None, or why there is no copy. In the copy, once it is needed, what is new to it.
        """
        try:
            return self._freeze(word)
        except OSError as failure:
            return f"the process could not be copied: {failure.strerror or failure}"

    def _freeze(self, word: str) -> Thawed | str | None:
        heap = _heap_mb()
        if heap > self._below_mb:
            self._replace(None)
            return f"{heap} MiB of memory are in use; copies are made up to {self._below_mb} MiB"
        if (line := self._take_place(PLACE + word.encode())) is None:
            self._replace(None)
            return "whoever keeps the copies did not answer"
        threads, numbers = running_threads(), _get_random()
        told, tells = _socketpair()
        _mask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            pid = _fork()
            if pid == 0:
                return self._wait(line, tells, threads, numbers)
            self._replace(pid)
            waiting = _poll()
            waiting.register(told, select.POLLIN)
            tells.close()
            waiting.poll(_HELLO_SECONDS * 1000)  # it waits now, or never will
        finally:
            for end in (line, told, tells):  # the copy keeps its own
                end.close()
            _mask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return None

    def _take_place(self, wanted: bytes) -> socket.socket | None:
        # What is there of earlier actions was for copies that were never made.
        waiting = _poll()
        waiting.register(self._line, select.POLLIN)
        while waiting.poll(_PLACE_SECONDS * 1000):
            message, descriptors, _ = orders.receive(self._line)
            if message == wanted and len(descriptors) == 1:
                return socket.socket(fileno=descriptors[0])
            orders.discard(descriptors)
            if not message:
                break
        return None

    def _wait(self, theirs: socket.socket, tells: socket.socket, threads: list[str], numbers: Any) -> Thawed:
        try:
            line = socket.socket(fileno=theirs.detach())
            _set_random(numbers)  # forking has reseeded it
            opened = note_positions()
            _lead_group()
            # A stopped group whose last relation outside it ends is sent this by the kernel, and would end of it.
            masked = _mask(signal.SIG_BLOCK, {signal.SIGHUP})
            line.send(HELLO)
            tells.send(HELLO)
            tells.close()
            message, descriptors, _ = orders.receive(line)
        except BaseException:  # noqa: BLE001 - of a signal handler of the code's, perhaps
            _exit(0)
        if message != orders.THAW or len(descriptors) != 1:
            _exit(0)  # it is not needed any more
        if signal.SIGHUP in _pending():
            _take_signal({signal.SIGHUP})
        _mask(signal.SIG_SETMASK, masked)
        put_back(opened)
        self._line, self._copy = line, None
        return Thawed(data=descriptors[0], threads=threads)

    def _replace(self, copy: int | None) -> None:
        # The supervisor has dropped the old one when the action began; unreaped it would count as a process, and be
        # found by code that waits for its own children.
        old, self._copy = self._copy, copy
        if old is not None:
            with suppress(ChildProcessError):
                _waitpid(old, 0)

    def _leave(self) -> None:
        # In every forked child. A copy gets a line of its own.
        self._line.close()
        self._copy = None


def _heap_mb() -> int:
    size = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(size[1]) - int(size[2])) * _PAGE >> 20
