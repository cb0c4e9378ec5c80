"""One action from the session it gets to what it leaves there."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.runnables import RunnableConfig

from lumo_graph.budgets import AGENT_NAME
from lumo_graph.dialects import shorten
from lumo_graph.errors import DivergenceError, ExecutorError
from lumo_graph.events import Code, Output
from lumo_graph.nodes.journaling import Journal
from lumo_graph.nodes.restoring import Restoring
from lumo_graph.nodes.routes import action_seconds
from lumo_graph.nodes.serving import Served, ToolServer, edited_note, event_emitter
from lumo_graph.nodes.setup import Setup, ends_with_run, session_key
from lumo_graph.state import AgentState
from lumo_graph.tools import bounded_args, preview
from lumo_graph.types import (
    CodeError,
    Execution,
    Isolation,
    Limits,
    Restore,
    Session,
    Snapshot,
    Sources,
    Stream,
    ToolCall,
    ToolReply,
    ToolRequest,
)

_LEFT = "Before the run was interrupted, this code had made calls that it has not made now, and they stand: {names}."
_STAND = """\
Before the run was interrupted, this code had run and made calls. They stand, so do not make them again:
{calls}"""
_DIVERGED = """\
{reason}. So nothing of it was called again, and the code was stopped. Calls that it had made before stand:
{calls}"""
_MOST_CALLS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An executed action and what it leaves behind."""

    execution: Execution
    isolation: Isolation
    """What contained it."""
    snapshot: Snapshot | None
    """None: the action was undone, and the namespace is the one from before it."""
    revision: str
    lost: dict[str, str]
    """Values that the session it started with had lost: path to reason."""
    restore: Restore
    """Where the session had its variables from."""
    restore_seconds: float
    """What it took to run the recorded actions again, if that is where."""


class Work:
    """One action from lease to snapshot, in whatever thread it runs.

    Args:
        setup: of the agent.
        state: of the run.
        config: of the node.
        server: of its tool calls.
    """

    def __init__(self, setup: Setup, state: AgentState, config: RunnableConfig, server: ToolServer) -> None:
        self._sessions = setup.sessions
        self._state = state
        self._limits = Limits.of(state["run"]["limits"])
        self._restoring = Restoring(setup=setup, server=server, limits=self._limits)
        self._server = server
        self._key = session_key(state, config)
        self._comes_back = not ends_with_run(state, config)
        self._emit = event_emitter()
        self._is_called = AGENT_NAME in config.get("configurable", {})
        self._session: Session | None = None
        self._stopped = False
        self._served: dict[int, Served] = {}

    def show(self, code: str) -> None:
        """Send the event of the code, if another agent has called: what the nodes write is not seen there."""
        if self._is_called:
            self._emit(Code(step=self._state["counters"]["steps"], code=code))

    def do(self, code: str) -> Done:
        """Run the code where the variables of the thread are, and store what it leaves."""
        state = self._state
        revision = state.get("revision", "")
        started = time.monotonic()
        lease, lost = self._restoring.lease(self._key, state, self._noted)
        restore_seconds = time.monotonic() - started if lease.restore == "replay" else 0.0
        session = lease.session
        try:
            isolation = session.isolation
            execution = self._replayed_in(self._execute(session, code))
            snapshot, unsaved = (None, "") if execution.rolled_back else _snapshot(session)
        except BaseException:
            # What a restored session has lost is not told yet: only one that is restored again will tell it.
            self._give_back(session, revision, again=self._comes_back and not lease.restored)
            raise
        if lease.restore == "snapshot":
            lost = {**state.get("unsaved", {}), **getattr(session, "lost", {})}
        if snapshot is None:
            self._give_back(session, revision, again=execution.rolled_back)
            execution, kept = _undone(execution, state, unsaved), revision
        else:
            self._end_journal(session, execution)
            kept = self._sessions.keep(self._key, session, self._limits)
        return Done(
            execution=execution,
            isolation=isolation,
            snapshot=snapshot,
            revision=kept,
            lost=lost,
            restore=lease.restore,
            restore_seconds=restore_seconds,
        )

    def _end_journal(self, session: Session, execution: Execution) -> None:
        if self._server.journal is None:
            return
        try:
            self._server.journal.end(execution.clock)
        except BaseException:
            self._sessions.discard(session)  # it stands behind an action that does not count
            raise

    def _give_back(self, session: Session, revision: str, *, again: bool) -> None:
        # After an action that was undone: a session that stands where it stood before can be had again.
        if again and session.alive:
            self._sessions.keep(self._key, session, self._limits, revision)
        else:
            self._sessions.discard(session)

    def _noted(self, session: Session) -> None:
        self._session = session
        if self._stopped:
            session.interrupt()

    def stop(self) -> None:
        """Make it end soon, from another thread."""
        self._stopped = True
        if self._session is not None:
            self._session.interrupt()

    def _execute(self, session: Session, code: str) -> Execution:
        if self._stopped:
            raise ExecutorError("The action was cancelled before it began.")
        seconds, sources = action_seconds(self._state), self._sources()
        more = {} if sources is None else {"sources": sources}
        try:
            return session.execute(code, seconds=seconds, serve=self._serve, write=self._write, **more)
        except DivergenceError as failure:
            return _diverged(failure, self._server.journal)

    def _sources(self) -> Sources | None:
        # Where nothing is stored, an action cannot run again: its random numbers are the operating system's.
        if self._server.journal is None or not self._sessions.deterministic:
            return None
        return self._server.journal.sources()

    def _replayed_in(self, execution: Execution) -> Execution:
        """The execution, with what of it was made when the action ran before."""
        calls = tuple(
            _as_served(call, served) if (served := self._served.get(seq)) is not None else call
            for seq, call in enumerate(execution.calls)
        )
        left = self._server.journal.left if self._server.journal is not None and not execution.rolled_back else []
        names = ", ".join(dict.fromkeys(f"{record.name}()" for record in left))
        notes = [edited_note(call.name, call.args) for call in calls if call.edited]
        if left:
            notes.append(_LEFT.format(names=names))
        return replace(execution, calls=calls, notes=(*execution.notes, *notes))

    def _serve(self, request: ToolRequest) -> ToolReply:
        call_id = f"{self._state['counters']['steps']}.{request.seq}"
        served = self._server.call(call_id, request)
        self._served[request.seq] = replace(served, reply=ToolReply())  # which may be large
        return served.reply

    def _write(self, stream: Stream, text: str) -> None:
        self._emit(Output(stream=stream, text=text))


def _as_served(call: ToolCall, served: Served) -> ToolCall:
    args = call.args if served.edited is None else served.edited
    return replace(call, replayed=served.replayed, args=args, edited=served.edited is not None)


def _diverged(failure: DivergenceError, journal: Journal | None) -> Execution:
    """An action that ran again, after an interruption, and took another path: nothing is repeated."""
    calls = _calls_before(journal)
    message = _DIVERGED.format(reason=str(failure).capitalize(), calls=_listed(calls) or "- none")
    error = CodeError(kind="DivergenceError", message=shorten(message, 4_000))
    return Execution(error=error, calls=calls, rolled_back=True)


def not_run_again(execution: Execution, journal: Journal | None) -> Execution:
    """The execution of an action that was not run, with what stands of an earlier run of it, if there was one."""
    calls = _calls_before(journal)
    if not calls:
        return execution
    note = shorten(_STAND.format(calls=_listed(calls)), 4_000)
    return replace(execution, calls=calls, notes=(*execution.notes, note))


def _calls_before(journal: Journal | None) -> tuple[ToolCall, ...]:
    """The calls that an action made before it was interrupted."""
    records = journal.records if journal is not None else []
    return tuple(
        ToolCall(
            name=record.name,
            args=bounded_args(record.arguments),
            ok=record.error is None,
            preview=preview(record.reply.value) if record.error is None else record.error,
            replayed=True,
            edited=record.edited is not None,
        )
        for record in records
    )


def _listed(calls: Sequence[ToolCall]) -> str:
    return "\n".join(f"- {call.name}({_arguments(call)}) -> {call.preview}" for call in calls[:_MOST_CALLS])


def _arguments(call: ToolCall) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in call.args.items())


def _snapshot(session: Session) -> tuple[Snapshot | None, str]:
    """What is to be stored; or why it cannot be."""
    try:
        return session.snapshot(), ""
    except ExecutorError as failure:
        return None, str(failure)


def _undone(execution: Execution, state: AgentState, reason: str) -> Execution:
    """The execution as it counts when its session is lost: the variables are those from before it."""
    error = execution.error or CodeError(
        kind="SnapshotError",
        message=f"{reason} So the action was undone; what it kept may have been too much, or too intricate",
    )
    return replace(execution, error=error, rolled_back=True, variables=dict(state.get("variables", {})))
