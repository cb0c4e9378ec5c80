"""Live sessions as a cache of the checkpoint: one per thread, handed out only where it matches the stored namespace."""

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
        self._idle: OrderedDict[str, tuple[str, Session]] = OrderedDict()
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, key: str, revision: str, namespace: Mapping[str, bytes], limits: Limits) -> Lease:
        """The live session of `key` if it stands at `revision`, else a new one with `namespace` in it.

        The caller has the session to itself until it gives it back with `keep`, or closes it.
        """
        with self._lock:
            known, session = self._idle.pop(key, ("", None))
        if session is not None and known == revision:
            return Lease(session=session, restored=False)
        if session is not None:
            _close(session)
        opened = self.executor.open(namespace or None, tools=self._tools, limits=limits)
        return Lease(session=opened, restored=bool(revision))

    def keep(self, key: str, session: Session) -> str:
        """Give a session back after an action that was stored. Returns the revision it stands at now."""
        revision = uuid.uuid4().hex
        with self._lock:
            surplus = [self._idle.pop(key, None)]
            self._idle[key] = (revision, session)
            while len(self._idle) > self._capacity:
                surplus.append(self._idle.popitem(last=False)[1])
        for entry in surplus:
            if entry is not None:
                _close(entry[1])
        return revision

    def close(self, key: str) -> None:
        """End the idle session of `key`, if there is one."""
        with self._lock:
            entry = self._idle.pop(key, None)
        if entry is not None:
            _close(entry[1])

    def close_all(self) -> None:
        """End every idle session. The agent can still be used: sessions come back from their checkpoints."""
        _close_all(self._idle)


def _close(session: Session) -> None:
    # A session that is already broken has nothing left to lose: the checkpoint holds its namespace.
    with suppress(LumoGraphError, OSError):
        session.close()


def _close_all(idle: OrderedDict[str, tuple[str, Session]]) -> None:
    while idle:
        _close(idle.popitem()[1][1])
