"""Bring the variables of a thread into a session, by the nearest way: live, its copy, the checkpoint, its actions."""

from collections.abc import Callable
from dataclasses import dataclass

from lumo_graph.errors import RestoreError, SealError, SnapshotError
from lumo_graph.nodes.journaling import Journal
from lumo_graph.nodes.rebuilding import Rebuilder, changes_between
from lumo_graph.nodes.serving import ToolServer
from lumo_graph.nodes.setup import Setup
from lumo_graph.sessions import Lease, Stored
from lumo_graph.state import AgentState
from lumo_graph.types import Limits, Session

_NEITHER = (
    "{why} Running the recorded actions of the thread again is no way either: {failure}. Nothing was repeated, and the "
    "checkpoint is kept. Resume with the Python, the packages and the limits that the thread was made with, go on from "
    "an earlier checkpoint, or start a new thread."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """The ways to the variables of a thread."""

    setup: Setup
    server: ToolServer
    """Of the action that comes next."""
    limits: Limits

    def lease(self, key: str, state: AgentState, noted: Callable[[Session], None]) -> tuple[Lease, dict[str, str]]:
        """A session with the variables.

        Args:
            key: of the live session.
            state: of the run.
            noted: is told of the session before anything runs in it.

        Returns:
            The lease; and of variables that were rebuilt, how they differ from what they were.

        Raises:
            SealError: nothing of the thread can be trusted.
            RestoreError: they cannot be had.
            ExecutorError: there is no session.
        """
        revision = state.get("revision", "")
        stored = Stored(namespace=state.get("namespace", {}), files=state.get("artifacts", {}))
        try:
            lease = self.setup.sessions.take(key, revision, stored, self.limits)
        except SealError:
            raise  # who can change the variables in the store can change the recorded code too
        except SnapshotError as failure:
            if self.server.journal is None or not revision:
                raise
            try:
                return self._rebuild(state, revision, self.server.journal, noted)
            except RestoreError as second:
                raise RestoreError(_NEITHER.format(why=failure, failure=second)) from failure
        noted(lease.session)
        return lease, {}

    def _rebuild(
        self, state: AgentState, revision: str, journal: Journal, noted: Callable[[Session], None]
    ) -> tuple[Lease, dict[str, str]]:
        sessions = self.setup.sessions
        past = journal.past_actions(revision)
        session = sessions.start(self.limits)
        noted(session)
        rebuilder = Rebuilder(
            session=session,
            seconds=self.limits.action_seconds,
            call=self.server.call_again,
            effects_of=self.setup.toolbox.effects_of,
            deterministic=sessions.deterministic,
        )
        try:
            variables = rebuilder.run(past)
        except BaseException:
            sessions.discard(session)
            raise
        return Lease(session=session, restore="replay"), changes_between(state.get("variables", {}), variables)
