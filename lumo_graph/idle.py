"""Sessions that wait for the next action of their thread: so many, and so long."""

import threading
import time
import weakref
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass

from lumo_graph.errors import LumoGraphError
from lumo_graph.types import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A session that waits."""

    session: Session
    revision: str
    """The state of the stored namespace that it stands at."""
    room: tuple[object, ...]
    """Memory, disk and processor time it was given."""
    undone: bool = False
    """Its last action was undone."""


class IdleSessions:
    """Idle sessions by key. Whichever has waited for longest goes first; ended, it comes back from its checkpoint.

    Args:
        capacity: how many wait.
        seconds: how long one waits.
    """

    def __init__(self, *, capacity: int, seconds: float) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._waiting: OrderedDict[str, tuple[float, Idle]] = OrderedDict()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def put(self, key: str, idle: Idle) -> None:
        """Have a session wait, and end what is too much."""
        with self._lock:
            surplus = [self._waiting.pop(key, None)]
            self._waiting[key] = time.monotonic(), idle
            while len(self._waiting) > self._capacity:
                surplus.append(self._waiting.popitem(last=False)[1])
            self._wind_up()
        for found in surplus:
            if found is not None:
                close_session(found[1].session)

    def pop(self, key: str) -> Idle | None:
        """The session that waits under a key; it waits no more."""
        with self._lock:
            found = self._waiting.pop(key, None)
        return None if found is None else found[1]

    def close_all(self) -> None:
        """End all that wait."""
        with self._lock:
            waiting = [idle for _, idle in self._waiting.values()]
            self._waiting.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for idle in waiting:
            close_session(idle.session)

    def close_old(self) -> None:
        """End those that have waited for too long."""
        old: list[Idle] = []
        with self._lock:
            until = time.monotonic() - self._seconds
            while self._waiting and next(iter(self._waiting.values()))[0] <= until:
                old.append(self._waiting.popitem(last=False)[1][1])
            self._timer = None
            self._wind_up()
        for idle in old:
            close_session(idle.session)

    def _wind_up(self) -> None:
        # One timer for the one that has waited for longest.
        if self._timer is not None or not self._waiting:
            return
        since = next(iter(self._waiting.values()))[0]
        left = max(since + self._seconds - time.monotonic(), 0.0)
        self._timer = threading.Timer(min(left, threading.TIMEOUT_MAX), _close_old, [weakref.ref(self)])
        self._timer.daemon = True
        self._timer.start()


def _close_old(sessions: "weakref.ref[IdleSessions]") -> None:
    # The timer keeps nothing that nobody needs any more.
    if (idle := sessions()) is not None:
        idle.close_old()


def close_session(session: Session) -> None:
    """End a session. One that is already broken has nothing left to lose: the checkpoint holds its namespace."""
    with suppress(LumoGraphError, OSError):
        session.close()
