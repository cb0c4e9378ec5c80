"""An agent that is made for one call: checked, opened with its store, and closed with its sessions."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.errors import is_invalid_resume
from langgraph.runtime import RunControl
from langgraph.types import Command, Durability, StateSnapshot
from pydantic import ValidationError

from lumo_graph.checkpoints import Checkpointer, ahold_thread, aopen_checkpointer, hold_thread, open_checkpointer
from lumo_graph.decisions import check_decision, first_problem
from lumo_graph.dialects import check_agent_type, check_dialects
from lumo_graph.draining import drainable
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.events import RunResult
from lumo_graph.graph import assemble
from lumo_graph.lumo_agent import LumoAgent
from lumo_graph.mcp import aopen_mcp_tools, check_mcp_servers, open_mcp_tools
from lumo_graph.models import RetryPolicy, resolve_model
from lumo_graph.nodes.answered import answered_questions
from lumo_graph.nodes.history import check_history
from lumo_graph.nodes.prepare import check_task
from lumo_graph.options import AgentOptions, RunOptions, check_names
from lumo_graph.questions import check_name, check_waits
from lumo_graph.reading import result_of
from lumo_graph.sessions import LiveSessions
from lumo_graph.state import AgentInput
from lumo_graph.storable import whole_characters
from lumo_graph.streaming import pending_of
from lumo_graph.types import FUNCTION_CALLING, Limits

_SUPERSTEPS = 1_000_000
"""LangGraph's own limit, out of the way: `Limits` stop a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the graph is invoked with."""

    input: AgentInput | Command[Any] | None
    """None, or a Command with a decision: go on from the last checkpoint."""
    checkpointer: str | Checkpointer | None = field(repr=False)  # a URL may hold a password
    thread_id: str | None
    agent_type: str = FUNCTION_CALLING
    question: str | None = None
    """The id of the question that the decision is about, or its beginning; None: of whichever waits."""

    @property
    def resumes(self) -> bool:
        """Whether it goes on with what is stored."""
        return self.input is None or isinstance(self.input, Command)


class How(TypedDict):
    """Options of a graph's `invoke` and `stream`."""

    durability: Durability | None
    control: RunControl | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAgent:
    """An agent that was made for one call."""

    graph: LumoAgent
    config: RunnableConfig
    saver: Checkpointer | None
    thread_id: str | None
    sessions: LiveSessions
    control: RunControl | None
    """By which the run is drained; None if it is stored nowhere, and so cannot be gone on with."""

    @property
    def how(self) -> How:
        """How its graph is invoked."""
        # Every step is stored before the next begins; LangGraph takes no wish where there is no store.
        return {"durability": "sync" if self.thread_id else None, "control": self.control}

    def result(self, values: Mapping[str, Any]) -> RunResult:
        """What the run came to, of the values of its graph."""
        return result_of(values, self.thread_id)

    def drained(self, values: Mapping[str, Any]) -> RunResult:
        """The result of a run that was stopped in good order: what it has so far."""
        return replace(self.result(values), outcome="interrupted", answer=None, pending=())

    def ended(self, request: Request) -> RunResult | None:
        """The result of a run that has ended; None if there is something to go on with.

        Raises:
            ConfigurationError: there is no such run, or it does not wait for the decision that is given.
        """
        stored = self.saver.get_tuple(self.config) if self.saver and request.question else None
        return self._ended(self.graph.get_state(self.config), request, stored)

    async def aended(self, request: Request) -> RunResult | None:
        """`ended` from an event loop."""
        stored = await self.saver.aget_tuple(self.config) if self.saver and request.question else None
        return self._ended(await self.graph.aget_state(self.config), request, stored)

    def _ended(self, state: StateSnapshot, request: Request, stored: CheckpointTuple | None) -> RunResult | None:
        if state.created_at is None:
            raise ConfigurationError(f"There is no thread {self.thread_id!r} in this store. `lumo threads` lists them.")
        if not state.tasks and state.values.get("run") and not state.values.get("outcome"):
            raise ConfigurationError(
                f"The run of thread {self.thread_id!r} stands at a step that this agent does not have. Resume it with "
                "the middleware that it was started with."
            )
        if isinstance(request.input, Command) and not state.interrupts:
            raise ConfigurationError(f"Nothing waits for a decision in thread {self.thread_id!r}: resume it without.")
        if request.question:
            waiting = [asked["id"] for asked in pending_of(state.interrupts)]
            answered = answered_questions((stored and stored.pending_writes) or ())
            check_waits(request.question, waiting, answered, self.thread_id)
        # `next` is empty too for a step that is done and not yet in a checkpoint; its task is still there.
        return None if state.tasks else self.result(state.values)


def request_for(task: str, options: RunOptions) -> Request:
    """Check everything that needs no model and no store."""
    check_names(options, RunOptions)
    check_mcp_servers(options.get("mcp_servers"))
    checkpointer, thread_id = options.get("checkpointer"), options.get("thread_id")
    if thread_id is not None:
        _check_thread_id(thread_id)
        if checkpointer is None:
            raise ConfigurationError(f"thread_id={thread_id!r} needs a checkpointer, such as 'sqlite:///runs.db'.")
    if checkpointer is None and any(rule is not False for rule in (options.get("interrupt_on") or {}).values()):
        raise ConfigurationError("interrupt_on needs a checkpointer, such as 'sqlite:///runs.db': nobody could answer.")
    dialects = check_dialects(options.get("dialects", ()))
    agent_type = check_agent_type(options.get("agent_type", FUNCTION_CALLING), dialects)
    given: AgentInput = {
        "task": check_task(task),
        "agent_type": agent_type,
        "limits": Limits.of(options.get("limits")).to_dict(),
    }
    if history := options.get("history"):
        given["history"] = check_history(history)
    if checkpointer is not None and thread_id is None:
        thread_id = uuid.uuid4().hex[:12]
    return Request(input=given, checkpointer=checkpointer, thread_id=thread_id, agent_type=agent_type)


def resumption(
    thread_id: str,
    checkpointer: str | Checkpointer,
    options: AgentOptions,
    decision: Mapping[str, Any] | None,
    question: str | None,
) -> Request:
    """What goes on with a thread, checked in the same way."""
    check_names(options, AgentOptions)
    check_mcp_servers(options.get("mcp_servers"))
    given = None if decision is None else Command(resume=check_decision(decision))
    named = None if question is None else check_name(question)
    if named and given is None:
        raise ConfigurationError(f"question={question!r} needs a decision about it, such as {{'type': 'approve'}}.")
    return Request(input=given, checkpointer=checkpointer, thread_id=_check_thread_id(thread_id), question=named)


def _check_thread_id(thread_id: object) -> str:
    if not isinstance(thread_id, str) or not thread_id or whole_characters(thread_id) != thread_id:
        raise ConfigurationError(f"thread_id must be a text that is not empty, not {thread_id!r}.")
    return thread_id


def check_agent(model: str | BaseChatModel, options: AgentOptions | RunOptions) -> None:
    """Refuse what no agent can be made of, before any work.

    Raises:
        ConfigurationError: something cannot be used as given.
    """
    dialects = check_dialects(options.get("dialects", ()))
    agent_type = check_agent_type(cast("RunOptions", options).get("agent_type", FUNCTION_CALLING), dialects)
    request = Request(input=None, checkpointer=None, thread_id=None, agent_type=agent_type)
    with _assembled(model, options, request, None, ()):
        pass


@contextmanager
def opened(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: Request
) -> Generator[OpenAgent, None, None]:
    """An agent with its store, for the length of a `with` block."""
    with (
        open_checkpointer(request.checkpointer, must_exist=request.resumes) as saver,
        hold_thread(saver, request.thread_id),
        open_mcp_tools(options.get("mcp_servers"), beside=options.get("tools", ())) as found,
        _assembled(model, options, request, saver, found) as agent,
    ):
        try:
            yield agent
        finally:
            agent.sessions.close_all()


@asynccontextmanager
async def aopened(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: Request
) -> AsyncGenerator[OpenAgent, None]:
    """The same from an event loop."""
    async with (
        aopen_checkpointer(request.checkpointer, must_exist=request.resumes) as saver,
        ahold_thread(saver, request.thread_id),
        aopen_mcp_tools(options.get("mcp_servers"), beside=options.get("tools", ())) as found,
    ):
        with _assembled(model, options, request, saver, found) as agent:
            try:
                yield agent
            finally:
                await asyncio.shield(asyncio.to_thread(agent.sessions.close_all))  # their end is waited for


@contextmanager
def _assembled(
    model: str | BaseChatModel,
    options: AgentOptions | RunOptions,
    request: Request,
    saver: Checkpointer | None,
    found: Sequence[BaseTool],
) -> Generator[OpenAgent, None, None]:
    tools = options.get("tools", ())
    made = assemble(
        resolve_model(model, base_url=options.get("base_url"), api_key=options.get("api_key")),
        [*tools, *found] if found else tools,
        agents=options.get("agents", ()),
        agent_type=request.agent_type,
        dialects=options.get("dialects", ()),
        middleware=options.get("middleware", ()),
        executor=options.get("executor"),
        files=options.get("files", ()),
        checkpointer=saver,
        system_prompt=options.get("system_prompt"),
        response_format=options.get("response_format"),
        planning_interval=options.get("planning_interval"),
        retry=options.get("retry", RetryPolicy()),
        preflight=options.get("preflight", True),
        interrupt_on=options.get("interrupt_on"),
        tracing=options.get("tracing", True),
    )
    config: RunnableConfig = {"recursion_limit": _SUPERSTEPS}
    if request.thread_id:
        config["configurable"] = {"thread_id": request.thread_id}
    try:
        with drainable(made.stop) if request.thread_id else nullcontext() as control:
            yield OpenAgent(
                graph=made.graph,
                config=config,
                saver=saver,
                thread_id=request.thread_id,
                sessions=made.sessions,
                control=control,
            )
    except ValidationError as error:
        if not is_invalid_resume(error):
            raise
        raise ConfigurationError(f"The decision does not fit what waits: {first_problem(error)}") from error
    except ModelError as error:
        error.thread_id = request.thread_id
        if request.thread_id:
            error.add_note(f"The run is kept as thread {request.thread_id!r}; resume continues it.")
        raise
