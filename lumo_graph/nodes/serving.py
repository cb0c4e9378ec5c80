"""Serve tool calls, whichever branch they come from: one door with limit, journal, approvals and events."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.errors import GraphInterrupt
from opentelemetry import context as otel

from lumo_graph.approvals import rules_of_run
from lumo_graph.budgets import AGENT_NAME, Spent
from lumo_graph.decisions import Decision, Request
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import Event, ToolEnded, ToolStarted, event_to_dict
from lumo_graph.journal import Asked
from lumo_graph.nodes.approving import Approvals
from lumo_graph.nodes.journaling import Journal
from lumo_graph.nodes.making import Making
from lumo_graph.nodes.setup import WITH_ITS_TOOLS, Setup
from lumo_graph.state import AgentState
from lumo_graph.tools import Effects, bounded_args, preview
from lumo_graph.tracing import ToolCallWork
from lumo_graph.types import ToolReply, ToolRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One call that was served."""

    reply: ToolReply
    preview: str = ""
    seconds: float = 0.0
    replayed: bool = False
    """The reply is the recorded one of an earlier run of the action."""
    edited: Mapping[str, Any] | None = None
    """The arguments that it was called with, if a person has changed them."""


class ToolServer:
    """The tool calls of one action.

    Args:
        setup: of the agent.
        state: of the run, for what is left of its limit.
        config: of the node, handed to every tool.
        code: the code action that makes the calls; None for function calls.
        together: calls that are known to be made at once.
        loop: runs the tools that are only async; None: the background loop of the process.
    """

    def __init__(
        self,
        setup: Setup,
        state: AgentState,
        config: RunnableConfig,
        *,
        code: str | None = None,
        together: int = 1,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._toolbox = setup.toolbox
        self._making = Making(setup.toolbox, state, config, loop)
        self._together = together
        self._limit: int | None = state["run"]["limits"]["max_tool_calls"]
        self._before = state["counters"]["tool_calls"]
        self._made = 0
        self._lock = threading.Lock()
        self._traced: set[ToolCallWork] = set()
        self._emit = event_emitter()
        self.context = otel.get_current()
        """What the calls are traced under; a session may make them from threads of its own."""
        self.journal = Journal.of(config, loop)
        """Of the action; None where nothing is stored."""
        rules = rules_of_run(setup.approvals, state["run"].get("interrupt_on", ()), setup.lifted)
        self._approvals = Approvals(
            rules,
            self.journal,
            code=code,
            expected=None if code is not None else together,
            agent=config.get("configurable", {}).get(AGENT_NAME),
        )

    def decide_about_code(self, code: str) -> Decision | None:
        """The decision about the whole action; None if nobody needs to be asked. Not on an event loop.

        Raises:
            GraphInterrupt: a person has to be asked.
        """
        return self._approvals.decide_about_code(code)

    @property
    def is_asking(self) -> bool:
        """Whether a person was asked about the action before it was interrupted, and its answer is to be taken up."""
        return self.journal is not None and self.journal.is_asking

    @property
    def count(self) -> int:
        """Calls of the run so far, refused ones included, and those of the agents it has called."""
        return self._before + self._made + self.spent.tool_calls

    def is_agent(self, name: str) -> bool:
        """Whether another agent answers calls of this name."""
        return self._making.is_agent(name)

    @property
    def spent(self) -> Spent:
        """What the agents that were called have used."""
        return self._making.spent

    def call(self, call_id: str, request: ToolRequest) -> Served:
        """Make one call, from any thread. A failing tool is a reply with an error, not an exception.

        Raises:
            GraphInterrupt: a person has to be asked.
            DivergenceError: the action ran before, and made another call here.
        """
        known = self._toolbox.tools
        work = ToolCallWork(request.name, known, call_id=call_id, args=request.args, parent=self.context)
        with work:
            with self._lock:
                self._traced.add(work)
            try:
                served = self._call(call_id, request)
                reply, edited = served.reply, served.edited is not None
                work.returned(reply.value, reply.error, reply.error_type, replayed=served.replayed, edited=edited)
            finally:
                with self._lock:
                    self._traced.discard(work)
        return served

    def _call(self, call_id: str, request: ToolRequest) -> Served:
        self._emit(ToolStarted(call_id=call_id, name=request.name, args=bounded_args(request.args)))
        started = time.monotonic()
        self._approvals.begin()
        shown = ""
        try:
            made = self._reply(request)
            self._making.count(made.reply)
            shown = preview(made.reply.value) if made.reply.error is None else preview(made.reply.error)
        finally:
            self._approvals.end(f"{request.name} -> {shown}")
        served = replace(made, preview=shown, seconds=time.monotonic() - started)
        self._emit(
            ToolEnded(
                call_id=call_id,
                name=request.name,
                ok=served.reply.error is None,
                preview=shown,
                seconds=served.seconds,
                replayed=served.replayed,
                edited=None if served.edited is None else bounded_args(served.edited),
            )
        )
        return served

    def call_again(self, name: str, args: Mapping[str, Any]) -> ToolReply:
        """Make a call that has no effects for code that runs a second time: it counts for nothing, and is not shown."""
        return self._make(name, args, key=None)

    def stop(self) -> None:
        """Cancel the async tools that still run. A sync tool cannot be stopped; nobody waits for it any more."""
        with self._lock:
            late = list(self._traced)
        for work in late:
            work.abandon()
        self._making.stop()

    def _reply(self, request: ToolRequest) -> Served:
        if self.journal is not None:
            self.journal.hear(request)
        with self._lock:
            self._made += 1
            refused = self._limit is not None and self.count > self._limit
        if refused:
            text = f"The run's limit of {self._limit} tool calls is reached. Answer with what you have."
            return self._unrecorded(ToolReply(error=text, error_type="RuntimeError"))
        effects = self._toolbox.effects_of(request.name)
        question = self._approvals.request_for(request.name, request.args, line=request.line)
        needs_no_record = effects is None or (effects.none and question is None)
        if self.journal is None or (needs_no_record and not self.journal.knows(request.name, request.args)):
            return self._unrecorded(self._make(request.name, request.args, key=None))
        asked = self.journal.ask(request)
        if asked.record is not None:
            edited = asked.record.arguments if asked.record.edited is not None else None
            return Served(reply=asked.record.reply, replayed=True, edited=edited)
        self.journal.keep_sources()
        question = question or self._approvals.asked_before(str(asked.key))
        if effects is None and (question is not None or self.journal.is_asking_for(asked)):
            raise ConfigurationError(
                f"A person was asked about {request.name}(), and there is no such tool now. {WITH_ITS_TOOLS}"
            )
        return self._decided(asked, request, effects or Effects(), question)

    def _unrecorded(self, reply: ToolReply) -> Served:
        if self.journal is not None:
            self.journal.tell(reply)
        return Served(reply=reply)

    def _decided(self, asked: Asked, request: ToolRequest, effects: Effects, question: Request | None) -> Served:
        """Make a call that was not made before, if those who must be asked let it be made."""
        assert self.journal is not None  # noqa: S101 - what is asked for was asked of it
        times = self.journal.times_begun(asked)
        if times and effects.on_unknown == "fail":
            return self._record(asked, request, lambda: _may_have_run(request.name))
        edited: Mapping[str, Any] | None = None
        questions = {} if question is None else {str(asked.key): question}
        # Another question than the first, and than the one after the crash before.
        again = f"{asked.key}?{times}"
        if times and (effects.on_unknown == "ask" or self._approvals.asked_before(again)):
            questions[again] = _unknown(request)
        for key, one in questions.items():
            decision = self._approvals.decide(key, replace(one, args=dict(request.args if edited is None else edited)))
            if (instead := _instead_of_call(request.name, decision)) is not None:
                return self._record(asked, request, lambda: instead)
            if decision.edited_action is not None:
                edited = decision.edited_action.args
        return self._begun(asked, request, effects, None if edited == request.args else edited)

    def _begun(self, asked: Asked, request: ToolRequest, effects: Effects, edited: Mapping[str, Any] | None) -> Served:
        """Make a call, and let it be known first if somebody must hear of it should it have no end."""
        assert self.journal is not None  # noqa: S101 - what is asked for was asked of it
        args, key = request.args if edited is None else edited, self.journal.idempotency_key(asked)
        if effects.on_unknown != "rerun":
            self.journal.begin(asked)
        try:
            return self._record(asked, request, lambda: self._make(request.name, args, key=key, asked=asked), edited)
        except GraphInterrupt:
            if effects.on_unknown != "rerun":
                self.journal.asks_itself(asked)
            raise

    def _record(
        self,
        asked: Asked,
        request: ToolRequest,
        call: Callable[[], ToolReply],
        edited: Mapping[str, Any] | None = None,
    ) -> Served:
        assert self.journal is not None  # noqa: S101 - what is asked for was asked of it
        reply, ours = self.journal.make(asked, request.args, call, in_order=request.in_order, edited=edited)
        return Served(reply=reply, replayed=not ours, edited=edited)

    def _make(self, name: str, args: Mapping[str, Any], *, key: str | None, asked: Asked | None = None) -> ToolReply:
        answers = self.journal is None or asked is None or self.journal.is_asking_for(asked)
        try:
            return self._making.make(name, args, key=key, tool_calls=self.count, answers=answers)
        except GraphInterrupt as question:
            if self._making.is_agent(name):  # it finds its question again, and its answer
                raise self._approvals.show(question, asked) from None
            if self._made == 1 and self._together == 1 and not self._approvals.has_rules:
                self._approvals.forget_answer()
                if self.journal is not None:
                    self.journal.keep_sources()
                raise self._approvals.show(question, None) from None
            # On resume the whole action runs again, and LangGraph hands out answers by the order of the questions.
            text = (
                f"{name} asks a person by itself, which cannot be had in an agent with interrupt_on. Go on without it."
                if self._approvals.has_rules
                else f"{name} waits for a person, so it must be the first and only call of its action. Call it alone."
            )
            return ToolReply(error=text, error_type="RuntimeError")


def edited_note(name: str, args: Mapping[str, Any]) -> str:
    """What the model is told of a call whose arguments were changed."""
    bounded = {key: repr(value) if isinstance(args[key], str) else value for key, value in bounded_args(args).items()}
    shown = ", ".join(f"{key}={value}" for key, value in bounded.items())
    return f"A person has changed the arguments of {name}: it was called as {name}({shown})"


def _may_have_run(name: str) -> ToolReply:
    text = f"{name} may have run already, before this run was interrupted; it was not called again."
    return ToolReply(error=text, error_type="RuntimeError")


def _unknown(request: ToolRequest) -> Request:
    return Request(
        name=request.name,
        args=dict(request.args),
        description=f"{request.name} may have run already, before this run was interrupted. Approve to run it (again); "
        "respond with its result if it has run.",
        line=request.line,
    )


def _instead_of_call(name: str, decision: Decision) -> ToolReply | None:
    """What a decision puts in the place of the call; None if the call is to be made."""
    match decision.type:
        case "reject":
            why = f": {decision.message}" if decision.message else ""
            return ToolReply(error=f"{name} was not called, because a person rejected it{why}", error_type="ToolError")
        case "respond":
            return ToolReply(value=decision.message)
        case _:
            return None


def event_emitter() -> Callable[[Event], None]:
    """What sends an event to the run's `custom` stream, from this thread or any that shares its context."""
    writer = get_stream_writer()
    return lambda event: writer(event_to_dict(event))
