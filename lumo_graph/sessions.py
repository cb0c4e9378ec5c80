"""Live sessions as a cache of the checkpoint: one per thread, handed out only where it matches the stored namespace."""

import os
import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lumo_graph.errors import LumoGraphError
from lumo_graph.types import Executor, Limits, Session, ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A session that one action may use."""

    session: Session
    restored: bool
    """The session was made from a stored namespace: values that cannot be stored are missing in it."""


class LiveSessions:
    """The sessions of one agent.

    A session belongs to a key (thread and graph namespace) and to a revision (a state of the stored namespace). Time
    travel, a fork, a killed worker and another machine are the same case: the revision does not match, and a new
    session is restored from the checkpoint.

    Args:
        executor: opens the sessions.
        tools: what the code of every session may call.
        capacity: idle sessions kept; the one idle for longest goes first, and comes back from its checkpoint.
    """

    def __init__(self, executor: Executor, *, tools: Sequence[ToolSpec], capacity: int = 32) -> None:
        self.executor = executor
        self._tools = tools
        self._capacity = capacity
        self._idle: OrderedDict[str, _Idle] = OrderedDict()
        self._leased: set[Session] = set()
        self._lock = threading.Lock()
        self._process = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, key: str, revision: str, namespace: Mapping[str, bytes], limits: Limits) -> Lease:
        """The live session of `key` if it stands at `revision` within these limits, else a new one from `namespace`.

        The caller has the session to itself until it gives it back with `keep`, or drops it with `discard`.
        """
        with self._lock:
            if self._process != os.getpid():  # the idle sessions are those of the process that forked this one
                self._idle.clear()
                self._process = os.getpid()
            idle = self._idle.pop(key, None)
        fits = idle is not None and idle.revision == revision and idle.room == _room(limits)
        if idle is not None and not fits:
            _close(idle.session)
        if idle is not None and fits:
            session = idle.session
        else:
            session = self.executor.open(namespace or None, tools=self._tools, limits=limits)
        with self._lock:
            self._leased.add(session)
        return Lease(session=session, restored=bool(revision) and not fits)

    def keep(self, key: str, session: Session, limits: Limits, revision: str | None = None) -> str:
        """Take a session back.

        Args:
            key: as for `take`.
            session: what `take` has leased.
            limits: those it was taken with.
            revision: the one it was taken at, after an action that was undone; None after one that was stored.

        Returns:
            The revision it stands at now.
        """
        revision = uuid.uuid4().hex if revision is None else revision
        with self._lock:
            self._leased.discard(session)
            surplus = [self._idle.pop(key, None)]
            self._idle[key] = _Idle(revision=revision, room=_room(limits), session=session)
            while len(self._idle) > self._capacity:
                surplus.append(self._idle.popitem(last=False)[1])
        for idle in surplus:
            if idle is not None:
                _close(idle.session)
        return revision

    def discard(self, session: Session) -> None:
        """End a session that was taken and must not be used again."""
        with self._lock:
            self._leased.discard(session)
        _close(session)

    def interrupt(self) -> None:
        """Make the actions that run now end soon."""
        with self._lock:
            leased = list(self._leased)
        for session in leased:
            session.interrupt()

    def close(self, key: str) -> None:
        """End the idle session of `key`, if there is one."""
        with self._lock:
            idle = self._idle.pop(key, None)
        if idle is not None:
            _close(idle.session)

    def close_all(self) -> None:
        """End every idle session. The agent can still be used: sessions come back from their checkpoints."""
        _close_all(self._idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Idle:
    """A session that waits for the next action of its thread."""

    revision: str
    room: tuple[int, int, float | None]
    session: Session


def _room(limits: Limits) -> tuple[int, int, float | None]:
    """What a session was given when it was opened."""
    return limits.memory_mb, limits.disk_mb, limits.action_cpu_seconds


def _close(session: Session) -> None:
    # A session that is already broken has nothing left to lose: the checkpoint holds its namespace.
    with suppress(LumoGraphError, OSError):
        session.close()


def _close_all(idle: "OrderedDict[str, _Idle]") -> None:
    while idle:
        _close(idle.popitem()[1].session)
