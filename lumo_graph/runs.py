"""Run an agent without building a graph by hand: one call for one task, as a result or as a stream of events."""

# LangGraph leaves the type of a Command's target open in every signature:
# pyright: reportUnknownMemberType=false

import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Unpack, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.errors import is_invalid_resume
from langgraph.types import Command, Durability, StateSnapshot
from pydantic import ValidationError

from lumo_graph.approvals import check_decision, first_problem
from lumo_graph.artifacts import artifacts_of
from lumo_graph.checkpoints import Checkpointer, aopen_checkpointer, open_checkpointer
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.events import Answered, Event, RunResult
from lumo_graph.graph import LumoAgent, assemble
from lumo_graph.models import RetryPolicy, resolve_model
from lumo_graph.nodes.prepare import check_agent_type, check_history, check_task
from lumo_graph.options import AgentOptions, RunOptions, check_names
from lumo_graph.sessions import LiveSessions
from lumo_graph.state import AgentInput
from lumo_graph.storable import whole_characters
from lumo_graph.streaming import INTERRUPT, STREAM_MODES, events_of, pending_of
from lumo_graph.types import AgentType, Isolation, Limits, Step, Usage

_SUPERSTEPS = 1_000_000
"""LangGraph's own limit, out of the way: `Limits` stop a run."""


def run(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> RunResult:
    """Run one task to its end.

    Args:
        task: what to do.
        model: a chat model, or its name as `"openai:gpt-4.1-nano"`.
        **options: see `lumo_graph.options.RunOptions`.

    Returns:
        The result; a reached limit is an `outcome`, not an exception.

    Raises:
        ConfigurationError: something cannot be used as given; raised before any work.
        ModelError: the provider failed after the retries. With a checkpointer, `resume` continues.
        ExecutorError: the sandbox failed.
    """
    request = _request(task, options)
    with _opened(model, options, request) as agent:
        return agent.result(agent.graph.invoke(request.input, agent.config, durability=agent.durability))


async def arun(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> RunResult:
    """`run` from an event loop."""
    request = _request(task, options)
    async with _aopened(model, options, request) as agent:
        return agent.result(await agent.graph.ainvoke(request.input, agent.config, durability=agent.durability))


def stream(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> Generator[Event, None, None]:
    """Run one task and yield what happens while it happens; the last event is `Answered`, with the result.

    Takes what `run` takes and raises what it raises. Ending the iteration early stops the code action that runs and
    cancels the run; a model or a tool that is being waited for is waited for to its end (`astream` leaves at once).
    """
    return _stream(model, options, _request(task, options))


def astream(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> AsyncGenerator[Event, None]:
    """`stream` from an event loop."""
    return _astream(model, options, _request(task, options))


def resume(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    **options: Unpack[AgentOptions],
) -> RunResult:
    """Continue the run that a thread's last checkpoint left unfinished, in this process or another.

    The run goes on with its own agent type, limits and counters, and with its variables. A run that has ended gives
    its result again. Tool calls that the interrupted action had made are not made again.

    Args:
        thread_id: the thread.
        model: a chat model, or its name as `"openai:gpt-4.1-nano"`.
        checkpointer: where the thread is stored: a LangGraph checkpointer or a URL such as `sqlite:///runs.db`.
        decision: about the calls that wait (`RunResult.pending`): `{"type": "approve"}`, `{"type": "edit",
            "edited_action": {"name": ..., "args": {...}}}`, `{"type": "reject", "message": ...}`, `{"type": "respond",
            "message": ...}`, or `{"decisions": [...]}` with one for each call.
        **options: see `lumo_graph.options.AgentOptions`; the tools must be those that the run was started with.

    Raises:
        ConfigurationError: the thread or its store does not exist.
        ModelError, ExecutorError: as `run`.
    """
    request = _resumption(thread_id, checkpointer, options, decision)
    with _opened(model, options, request) as agent:
        ended = agent.ended(agent.graph.get_state(agent.config), request)
        return ended or agent.result(agent.graph.invoke(request.input, agent.config, durability=agent.durability))


async def aresume(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    **options: Unpack[AgentOptions],
) -> RunResult:
    """`resume` from an event loop."""
    request = _resumption(thread_id, checkpointer, options, decision)
    async with _aopened(model, options, request) as agent:
        ended = agent.ended(await agent.graph.aget_state(agent.config), request)
        return ended or agent.result(
            await agent.graph.ainvoke(request.input, agent.config, durability=agent.durability)
        )


def resume_stream(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    **options: Unpack[AgentOptions],
) -> Generator[Event, None, None]:
    """`resume` as a stream of events."""
    return _stream(model, options, _resumption(thread_id, checkpointer, options, decision))


def aresume_stream(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    **options: Unpack[AgentOptions],
) -> AsyncGenerator[Event, None]:
    """`resume_stream` from an event loop."""
    return _astream(model, options, _resumption(thread_id, checkpointer, options, decision))


# -- one path for all of them --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the graph is invoked with."""

    input: AgentInput | Command[Any] | None
    """None, or a Command with a decision: go on from the last checkpoint."""
    checkpointer: str | Checkpointer | None
    thread_id: str | None
    agent_type: AgentType = "function-calling"

    @property
    def resumes(self) -> bool:
        return self.input is None or isinstance(self.input, Command)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agent:
    """An agent that was made for one call."""

    graph: LumoAgent
    config: RunnableConfig
    thread_id: str | None
    sessions: LiveSessions

    @property
    def durability(self) -> Durability | None:
        """Every step is stored before the next begins; LangGraph takes no wish where there is no store."""
        return "sync" if self.thread_id else None

    def result(self, values: Mapping[str, Any]) -> RunResult:
        return RunResult(
            pending=tuple(pending_of(values.get(INTERRUPT, ()))),
            answer=values.get("answer"),
            outcome=values.get("outcome") or "interrupted",
            steps=tuple(Step.from_dict(step) for step in values.get("steps", ())),
            messages=tuple(values.get("messages", ())),
            usage=Usage(**values.get("usage", {})),
            isolation=Isolation.from_dict(values["isolation"]) if values.get("isolation") else None,
            thread_id=self.thread_id,
            artifacts=artifacts_of(values.get("artifacts", {})),
        )

    def ended(self, state: StateSnapshot, request: _Request) -> RunResult | None:
        """The result of a run that has ended; None if there is something to go on with."""
        if not state.values:
            raise ConfigurationError(f"There is no thread {self.thread_id!r} in this store. `lumo threads` lists them.")
        if isinstance(request.input, Command) and not state.interrupts:
            raise ConfigurationError(f"Nothing waits for a decision in thread {self.thread_id!r}: resume it without.")
        # `next` is empty too for a step that is done and not yet in a checkpoint; its task is still there.
        return None if state.tasks else self.result(state.values)


def _request(task: str, options: RunOptions) -> _Request:
    """Check everything that needs no model and no store."""
    check_names(options, RunOptions)
    checkpointer, thread_id = options.get("checkpointer"), options.get("thread_id")
    if thread_id is not None:
        _check_thread_id(thread_id)
        if checkpointer is None:
            raise ConfigurationError(f"thread_id={thread_id!r} needs a checkpointer, such as 'sqlite:///runs.db'.")
    if checkpointer is None and any(rule is not False for rule in (options.get("interrupt_on") or {}).values()):
        raise ConfigurationError("interrupt_on needs a checkpointer, such as 'sqlite:///runs.db': nobody could answer.")
    agent_type = check_agent_type(options.get("agent_type", "function-calling"))
    given: AgentInput = {
        "task": check_task(task),
        "agent_type": agent_type,
        "limits": Limits.of(options.get("limits")).to_dict(),
    }
    if history := options.get("history"):
        given["history"] = check_history(history)
    if checkpointer is not None and thread_id is None:
        thread_id = uuid.uuid4().hex[:12]
    return _Request(input=given, checkpointer=checkpointer, thread_id=thread_id, agent_type=agent_type)


def _resumption(
    thread_id: str, checkpointer: str | Checkpointer, options: AgentOptions, decision: Mapping[str, Any] | None
) -> _Request:
    check_names(options, AgentOptions)
    given = None if decision is None else Command(resume=check_decision(decision))
    return _Request(input=given, checkpointer=checkpointer, thread_id=_check_thread_id(thread_id))


def _check_thread_id(thread_id: object) -> str:
    if not isinstance(thread_id, str) or not thread_id or whole_characters(thread_id) != thread_id:
        raise ConfigurationError(f"thread_id must be a text that is not empty, not {thread_id!r}.")
    return thread_id


@contextmanager
def _opened(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: _Request
) -> Generator[_Agent, None, None]:
    with (
        open_checkpointer(request.checkpointer, must_exist=request.resumes) as saver,
        _assembled(model, options, request, saver) as agent,
    ):
        yield agent


@asynccontextmanager
async def _aopened(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: _Request
) -> AsyncGenerator[_Agent, None]:
    async with aopen_checkpointer(request.checkpointer, must_exist=request.resumes) as saver:
        with _assembled(model, options, request, saver) as agent:
            yield agent


@contextmanager
def _assembled(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: _Request, saver: Checkpointer | None
) -> Generator[_Agent, None, None]:
    graph, sessions = assemble(
        resolve_model(model, base_url=options.get("base_url"), api_key=options.get("api_key")),
        options.get("tools", ()),
        agent_type=request.agent_type,
        executor=options.get("executor"),
        files=options.get("files", ()),
        checkpointer=saver,
        system_prompt=options.get("system_prompt"),
        response_format=options.get("response_format"),
        planning_interval=options.get("planning_interval"),
        retry=options.get("retry", RetryPolicy()),
        preflight=options.get("preflight", True),
        interrupt_on=options.get("interrupt_on"),
    )
    config: RunnableConfig = {"recursion_limit": _SUPERSTEPS}
    if request.thread_id:
        config["configurable"] = {"thread_id": request.thread_id}
    try:
        yield _Agent(graph=graph, config=config, thread_id=request.thread_id, sessions=sessions)
    except ValidationError as error:
        if not is_invalid_resume(error):
            raise
        raise ConfigurationError(f"The decision does not fit what waits: {first_problem(error)}") from error
    except ModelError as error:
        error.thread_id = request.thread_id
        if request.thread_id:
            error.add_note(f"The run is kept as thread {request.thread_id!r}; resume continues it.")
        raise
    finally:
        sessions.close_all()


def _stream(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: _Request
) -> Generator[Event, None, None]:
    with _opened(model, options, request) as agent:
        ended = agent.ended(agent.graph.get_state(agent.config), request) if request.resumes else None
        values: Mapping[str, Any] = {}
        if ended is None:
            chunks = agent.graph.stream(
                request.input, agent.config, stream_mode=STREAM_MODES, durability=agent.durability
            )
            try:
                for mode, chunk in chunks:
                    if mode == "values":
                        values = cast("Mapping[str, Any]", chunk)
                    yield from events_of(mode, chunk)
            except GeneratorExit:
                agent.sessions.interrupt()  # the graph waits for its node, and the node for its action
                raise
        yield Answered(result=ended or agent.result(values))


async def _astream(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: _Request
) -> AsyncGenerator[Event, None]:
    async with _aopened(model, options, request) as agent:
        ended = agent.ended(await agent.graph.aget_state(agent.config), request) if request.resumes else None
        values: Mapping[str, Any] = {}
        if ended is None:
            async for mode, chunk in agent.graph.astream(
                request.input, agent.config, stream_mode=STREAM_MODES, durability=agent.durability
            ):
                if mode == "values":
                    values = cast("Mapping[str, Any]", chunk)
                for event in events_of(mode, chunk):
                    yield event
        yield Answered(result=ended or agent.result(values))
