"""Run the code action in a session: open or restore it, serve its tool calls, store what changed."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace

from langchain_core.runnables import RunnableConfig
from opentelemetry import context as otel

from lumo_graph.decisions import Decision, EditedAction
from lumo_graph.dialects import RunCode, action_from_dict, action_to_dict, check_action, shorten
from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.acting import Done, Work, not_run_again
from lumo_graph.nodes.asking import used
from lumo_graph.nodes.leaving import caller_of
from lumo_graph.nodes.serving import ToolServer
from lumo_graph.nodes.setup import WITH_ITS_TOOLS, Setup
from lumo_graph.nodes.threads import await_thread
from lumo_graph.state import AgentState, Update
from lumo_graph.tools import bounded_args
from lumo_graph.tracing import CodeAction
from lumo_graph.types import CodeError, Execution


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
        work = Work(self._setup, state, config, server)
        try:
            with caller_of(config).stopping(work.stop):
                return self._act(action, state, server, work)
        finally:
            server.stop()

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Run the action from an event loop: the session works in a thread, async tools on the loop."""
        action = action_from_dict(state.get("action") or {})
        if not isinstance(action, RunCode):
            return {}
        server = ToolServer(self._setup, state, config, code=action.code, loop=asyncio.get_running_loop())
        work = Work(self._setup, state, config, server)
        try:
            with caller_of(config).stopping(work.stop):
                return await await_thread(lambda: self._act(action, state, server, work), stop=work.stop)
        finally:
            server.stop()

    def _act(self, action: RunCode, state: AgentState, server: ToolServer, work: "Work") -> Update:
        """The action from the checks before it to what it leaves, in whatever thread."""
        self._setup.check_runs(action)
        counters, sandbox = state["counters"], type(self._setup.sessions.executor).__name__
        step, attempt = str(counters["steps"]), counters["failures"] + 1
        call_id = action.call_ids[-1] if action.call_ids else step
        with CodeAction(action.code, call_id=call_id, attempt=attempt, sandbox=sandbox) as traced:
            server.context = otel.get_current()
            update = self._decided(action, state, server, work, traced)
            traced.did(update.get("execution") or {})
            return update

    def _decided(
        self, action: RunCode, state: AgentState, server: ToolServer, work: "Work", traced: CodeAction
    ) -> Update:
        if (refused := self._check(action.code, state)) is not None:
            _keep_question(server, refused)
            return _not_run(state, server, refused)
        match server.decide_about_code(action.code):
            case Decision(type="reject", message=message):
                why = f": {message}" if message else ". Ask yourself what may have been wrong with it"
                return _not_run(
                    state, server, CodeError(kind="Rejected", message=f"A person did not let the code run{why}.")
                )
            case Decision(type="respond", message=message):
                return _answered(state, server, message or "")
            case Decision(type="edit", edited_action=EditedAction(args={"code": str(code)})):
                chosen = replace(action, code=code)
                if (refused := self._check(code, state)) is not None:
                    return {
                        **_not_run(state, server, refused, notes=(_edited(code),)),
                        "action": action_to_dict(chosen),
                    }
            case _:
                chosen = action
        work.show(chosen.code)
        done = work.do(chosen.code)
        traced.ran(chosen.code)
        traced.left(done.isolation, done.snapshot, done.restore)
        return _update(state, server, done, chosen)

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


_ANSWERED = "The code was not run: a person answered in its place, with the text above."


def _edited(code: str) -> str:
    return f"A person has changed the code. It is now:\n{code}"


def _keep_question(server: ToolServer, refused: CodeError) -> None:
    """Let no question be lost because the code that led to it cannot be run as things are now."""
    if server.is_asking:
        why = refused.message.splitlines()[0].rstrip(".")
        raise ConfigurationError(f"A person was asked about code that cannot run now: {why}. {WITH_ITS_TOOLS}")


def _answered(state: AgentState, server: ToolServer, text: str) -> Update:
    execution = Execution(stdout=text, variables=dict(state.get("variables", {})), notes=(_ANSWERED,))
    execution = not_run_again(execution, server.journal)
    return {"execution": execution.to_dict(), "lost": {}}


def _not_run(state: AgentState, server: ToolServer, error: CodeError, notes: tuple[str, ...] = ()) -> Update:
    execution = Execution(error=error, variables=dict(state.get("variables", {})), notes=notes)
    execution = not_run_again(execution, server.journal)
    return {"execution": execution.to_dict(), "lost": {}}


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
    seconds = counters["seconds"] + execution.seconds + done.restore_seconds
    update: Update = {
        **used(state, server.spent),
        "execution": execution.to_dict(),
        "lost": done.lost,
        "counters": {**counters, "tool_calls": server.count, "seconds": seconds},
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
