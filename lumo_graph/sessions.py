"""Live sessions as a cache of the checkpoint: one per thread, handed out only where it matches the stored namespace."""

import asyncio
import os
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from lumo_graph.idle import Idle, IdleSessions, close_session
from lumo_graph.types import Executor, Limits, Restore, Session, ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a checkpoint holds of a session."""

    namespace: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Of its working directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A session that one action may use."""

    session: Session
    restore: Restore
    """Where its variables came from."""

    @property
    def restored(self) -> bool:
        """The session was made from what is stored: values that cannot be stored are missing in it."""
        return self.restore in ("snapshot", "replay")


class LiveSessions:
    """The sessions of one agent.

    A session belongs to a key (thread and graph namespace) and to a revision (a state of the stored namespace). Time
    travel, a fork, a killed worker and another machine are the same case: the revision does not match, and a new
    session is restored from the checkpoint.

    Args:
        executor: opens the sessions.
        tools: what the code of every session may call.
        capacity: idle sessions kept; the one idle for longest goes first, and comes back from its checkpoint.
        idle_seconds: seconds after which an idle session goes, and comes back in the same way.
    """

    def __init__(
        self, executor: Executor, *, tools: Sequence[ToolSpec], capacity: int = 32, idle_seconds: float = 900.0
    ) -> None:
        self.executor = executor
        self._tools = tools
        self._make_idle = partial(IdleSessions, capacity=capacity, seconds=idle_seconds)
        self._idle = self._make_idle()
        self._leased: set[Session] = set()
        self._lock = threading.Lock()
        self._process = os.getpid()
        weakref.finalize(self, self._idle.close_all)

    @property
    def deterministic(self) -> bool:
        """Whether its sessions can run an action again from its sources."""
        return bool(getattr(self.executor, "deterministic", False))

    def take(self, key: str, revision: str, stored: Stored, limits: Limits) -> Lease:
        """The live session of `key` if it stands at `revision` within these limits, else a new one from what is stored.

        The caller has the session to itself until it gives it back with `keep`, or drops it with `discard`.

        Raises:
            SnapshotError: what is stored cannot be loaded. `start` gives a session without it.
        """
        with self._lock:
            if self._process != os.getpid():  # what waits belongs to the process that forked this one
                self._idle = self._make_idle()
                self._process = os.getpid()
                weakref.finalize(self, self._idle.close_all)
        idle = self._idle.pop(key)
        if idle is not None and idle.revision == revision and idle.room == limits.room:
            session = idle.session
            restore: Restore = "frozen" if idle.undone else "live"
        else:
            if idle is not None:
                close_session(idle.session)
            files = {"files": stored.files} if stored.files else {}
            session = self.executor.open(stored.namespace or None, tools=self._tools, limits=limits, **files)
            restore = "snapshot" if revision else "new"
        with self._lock:
            self._leased.add(session)
        return Lease(session=session, restore=restore)

    def start(self, limits: Limits) -> Session:
        """A session without variables, for the caller as with `take`."""
        session = self.executor.open(None, tools=self._tools, limits=limits)
        with self._lock:
            self._leased.add(session)
        return session

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
        undone = revision is not None
        revision = uuid.uuid4().hex if revision is None else revision
        with self._lock:
            self._leased.discard(session)
        self._idle.put(key, Idle(session=session, revision=revision, room=limits.room, undone=undone))
        return revision

    def discard(self, session: Session) -> None:
        """End a session that was taken and must not be used again."""
        with self._lock:
            self._leased.discard(session)
        close_session(session)

    def interrupt(self) -> None:
        """Make the actions that run now end soon."""
        with self._lock:
            leased = list(self._leased)
        for session in leased:
            session.interrupt()

    def close(self, key: str) -> None:
        """End the idle session of `key`, if there is one."""
        if (idle := self._idle.pop(key)) is not None:
            close_session(idle.session)

    async def aclose(self, key: str) -> None:
        """The same, from an event loop: the end of a session is waited for."""
        if (idle := self._idle.pop(key)) is not None:
            await asyncio.to_thread(close_session, idle.session)

    def close_all(self) -> None:
        """End every idle session. The agent can still be used: sessions come back from their checkpoints."""
        self._idle.close_all()
