"""Run the code action in a session: open or restore it, serve its tool calls, store what changed."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from langchain_core.runnables import RunnableConfig

from lumo_graph.approvals import Decision, EditedAction
from lumo_graph.dialects import RunCode, action_from_dict, action_to_dict, check_action, shorten
from lumo_graph.errors import DivergenceError, ExecutorError
from lumo_graph.events import Output
from lumo_graph.nodes.journaling import Journal
from lumo_graph.nodes.restoring import Restoring
from lumo_graph.nodes.routes import action_seconds
from lumo_graph.nodes.serving import Served, ToolServer, edited_note, event_emitter
from lumo_graph.nodes.setup import Setup, ends_with_run, session_key
from lumo_graph.nodes.threads import await_thread
from lumo_graph.state import AgentState, Update
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


class Execute:
    """Runs one action. The checkpoint is the truth; the live session is a cache of it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Run the action, if the reply held one."""
        action = action_from_dict(state.get("action") or {})
        if not isinstance(action, RunCode):
            return {}
        server = ToolServer(self._setup, state, config, code=action.code)
        work = _Work(self._setup, state, config, server)
        try:
            return self._act(action, state, server, work)
        finally:
            server.stop()

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Run the action from an event loop: the session works in a thread, async tools on the loop."""
        action = action_from_dict(state.get("action") or {})
        if not isinstance(action, RunCode):
            return {}
        server = ToolServer(self._setup, state, config, code=action.code, loop=asyncio.get_running_loop())
        work = _Work(self._setup, state, config, server)
        try:
            return await await_thread(lambda: self._act(action, state, server, work), stop=work.stop)
        finally:
            server.stop()

    def _act(self, action: RunCode, state: AgentState, server: ToolServer, work: "_Work") -> Update:
        """The action from the checks before it to what it leaves, in whatever thread."""
        if (refused := self._check(action.code, state)) is not None:
            return _not_run(state, refused)
        match server.decide_about_code(action.code):
            case Decision(type="reject", message=message):
                why = f": {message}" if message else ". Ask yourself what may have been wrong with it"
                return _not_run(state, CodeError(kind="Rejected", message=f"A person did not let the code run{why}."))
            case Decision(type="respond", message=message):
                return _answered(state, message or "")
            case Decision(type="edit", edited_action=EditedAction(args={"code": str(code)})):
                chosen = RunCode(code)
                if (refused := self._check(code, state)) is not None:
                    return {**_not_run(state, refused, notes=(_edited(code),)), "action": action_to_dict(chosen)}
            case _:
                chosen = action
        return _update(state, server, work.do(chosen.code), chosen)

    def _check(self, code: str, state: AgentState) -> CodeError | None:
        """What is certain to go wrong, found before anything is run."""
        if not self._setup.preflight:
            return None
        version = getattr(self._setup.sessions.executor, "python_version", None)
        variables = state.get("variables", {})
        # A session that could not describe its variables lists none.
        known = variables or not state.get("namespace")
        return check_action(
            code,
            variables=variables if known else None,
            tools=self._setup.toolbox.specs,
            same_python=version in (None, sys.version_info[:2]),
            imports=getattr(self._setup.sessions.executor, "imports", None),
        )


class _Work:
    """One action from lease to snapshot, in whatever thread it runs."""

    def __init__(self, setup: Setup, state: AgentState, config: RunnableConfig, server: ToolServer) -> None:
        self._sessions = setup.sessions
        self._restoring = Restoring(setup=setup, server=server, limits=Limits.of(state["run"]["limits"]))
        self._state = state
        self._limits = Limits.of(state["run"]["limits"])
        self._server = server
        self._key = session_key(state, config)
        self._comes_back = not ends_with_run(state, config)
        self._emit = event_emitter()
        self._session: Session | None = None
        self._stopped = False
        self._served: dict[int, Served] = {}

    def do(self, code: str) -> Done:
        state = self._state
        revision = state.get("revision", "")
        lease, lost = self._restoring.lease(self._key, state, self._noted)
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


_LEFT = "Before the run was interrupted, this code had made calls that it has not made now, and they stand: {names}."
_DIVERGED = """\
{reason}. So nothing of it was called again, and the code was stopped. Calls that it had made before stand:
{calls}"""
_MOST_CALLS = 20
_ANSWERED = "The code was not run: a person answered in its place, with the text above."


def _edited(code: str) -> str:
    return f"A person has changed the code. It is now:\n{code}"


def _as_served(call: ToolCall, served: Served) -> ToolCall:
    args = call.args if served.edited is None else served.edited
    return replace(call, replayed=served.replayed, args=args, edited=served.edited is not None)


def _answered(state: AgentState, text: str) -> Update:
    execution = Execution(stdout=text, variables=dict(state.get("variables", {})), notes=(_ANSWERED,))
    return {"execution": execution.to_dict(), "lost": {}}


def _not_run(state: AgentState, error: CodeError, notes: tuple[str, ...] = ()) -> Update:
    execution = Execution(error=error, variables=dict(state.get("variables", {})), notes=notes)
    return {"execution": execution.to_dict(), "lost": {}}


def _diverged(failure: DivergenceError, journal: Journal | None) -> Execution:
    """An action that ran again, after an interruption, and took another path: nothing is repeated."""
    records = journal.records if journal is not None else []
    calls = tuple(
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
    listed = "\n".join(f"- {call.name}({_arguments(call)}) -> {call.preview}" for call in calls[:_MOST_CALLS])
    message = _DIVERGED.format(reason=str(failure).capitalize(), calls=listed or "- none")
    error = CodeError(kind="DivergenceError", message=shorten(message, 4_000))
    return Execution(error=error, calls=calls, rolled_back=True)


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


def _update(state: AgentState, server: ToolServer, done: Done, ran: RunCode) -> Update:
    limit = state["run"]["limits"]["max_observation_chars"]
    # What is observed is cut to the limit anyway; cut before it is stored, the checkpoint does not grow with it.
    asked = action_from_dict(state.get("action") or {})
    edited = (_edited(ran.code),) if ran != asked else ()
    execution = replace(
        done.execution,
        notes=(*edited, *done.execution.notes),
        stdout=shorten(done.execution.stdout, limit),
        stderr=shorten(done.execution.stderr, limit),
        calls=tuple(replace(call, args=bounded_args(call.args)) for call in done.execution.calls),
    )
    counters, known = state["counters"], state.get("unsaved", {})
    update: Update = {
        "execution": execution.to_dict(),
        "lost": done.lost,
        "counters": {**counters, "tool_calls": server.count, "seconds": counters["seconds"] + execution.seconds},
        "revision": done.revision,
        "restore": done.restore,
    }
    if edited:
        update["action"] = action_to_dict(ran)
    if (isolation := done.isolation.to_dict()) != state.get("isolation"):
        update["isolation"] = isolation
    if done.snapshot is not None:
        # What was rebuilt takes the place of all that could not be loaded.
        rebuilt = done.restore == "replay"
        components: dict[str, None] = dict.fromkeys(state.get("namespace", {})) if rebuilt else {}
        files: dict[str, None] = dict.fromkeys(state.get("artifacts", {})) if rebuilt else {}
        update["namespace"] = {**components, **done.snapshot.changed}
        update["artifacts"] = {**files, **done.snapshot.files}
        update["unsaved"] = dict(done.snapshot.unsaved)
        update["at_risk"] = {path: why for path, why in done.snapshot.unsaved.items() if path not in known}
        update["variables"] = difference(state.get("variables", {}), execution.variables)
    return update


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """What turns `before` into `after`, as the `merge` reducer reads it: None for a name that is gone."""
    changed: dict[str, str | None] = {name: text for name, text in after.items() if before.get(name) != text}
    return {**changed, **{name: None for name in before if name not in after}}
