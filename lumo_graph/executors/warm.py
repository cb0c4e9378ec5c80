"""Sessions that are started before anybody asks for them, so that one is there at once."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from lumo_graph.errors import ExecutorError
from lumo_graph.executors.link import Link
from lumo_graph.types import Isolation, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A session behind its jail, with nothing in it yet."""

    link: Link
    isolation: Isolation
    bound: Mapping[str, tuple[str, int, int]] = field(default_factory=dict[str, tuple[str, int, int]])
    """Inputs that it is shown as they are on the host, by their names: path, device and inode."""

    @property
    def is_fit(self) -> bool:
        """Whether it is alive, and shows what now lies at the paths of its inputs."""
        return not self.link.wait_for_messages(0) and all(
            _identity(path) == (path, device, inode) for path, device, inode in self.bound.values()
        )

    def end(self) -> None:
        """End it."""
        self.link.control.kill()
        self.link.close()


def identify(inputs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, int, int]]:
    """Inputs, each a name and a path, as `Started.bound` has them."""
    return {name: _identity(path) for name, path in inputs}


def _identity(path: str) -> tuple[str, int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a str
    except OSError:
        return path, 0, 0
    return path, status.st_dev, status.st_ino


Start = Callable[[Limits], Started]


class WarmSessions:
    """Keeps some sessions ready. They all have the room that was asked for last.

    Args:
        start: starts one.
        count: how many wait.
    """

    def __init__(self, start: Start, *, count: int) -> None:
        self._start = start
        self._waiting = _Waiting(count=count)
        self._process = os.getpid()
        weakref.finalize(self, _end_all, self._waiting)

    def take(self, limits: Limits) -> Started:
        """A session: one that waits, or a new one. What is taken is made up for in the background.

        Raises:
            IsolationError, ExecutorError: none can be started.
        """
        if self._process != os.getpid():  # what waits belongs to the process that forked this one
            self._waiting = _Waiting(count=self._waiting.count)
            self._process = os.getpid()
        waiting = self._waiting
        room = limits.room
        with waiting.lock:
            unfit = [] if waiting.room == room else list(waiting.sessions)
            if unfit or waiting.room != room:
                waiting.sessions.clear()
            waiting.room = room
            ready = None
            while waiting.sessions and ready is None:
                session = waiting.sessions.popleft()
                if session.is_fit:
                    ready = session
                else:
                    unfit.append(session)
            fill = not waiting.filling and not waiting.ended and waiting.count > 0
            waiting.filling = waiting.filling or fill
        for session in unfit:
            session.end()
        if fill:
            threading.Thread(target=_fill, args=(waiting, self._start, limits), name="lumo-warm", daemon=True).start()
        return ready or self._start(limits)


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """What the threads that fill it share. It does not hold whoever takes from it."""

    count: int
    sessions: deque[Started] = field(default_factory=deque[Started])
    room: tuple[object, ...] | None = None
    filling: bool = False
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


def _fill(waiting: _Waiting, start: Start, limits: Limits) -> None:
    room = limits.room
    while True:
        with waiting.lock:
            if waiting.ended or waiting.room != room or len(waiting.sessions) >= waiting.count:
                waiting.filling = False
                return
        session = None
        with suppress(ExecutorError, OSError):  # whoever needs one meets the reason
            session = start(limits)
        with waiting.lock:
            if session is None:
                waiting.filling = False
                return
            kept = not waiting.ended and waiting.room == room
            if kept:
                waiting.sessions.append(session)
        if not kept:
            session.end()


def _end_all(waiting: _Waiting) -> None:
    with waiting.lock:
        waiting.ended = True
        sessions = list(waiting.sessions)
        waiting.sessions.clear()
    for session in sessions:
        session.end()
