"""Run an agent without building a graph by hand: one call for one task, as a result or as a stream of events."""

# LangGraph leaves the type of a Command's target open in every signature:
# pyright: reportUnknownMemberType=false

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing
from typing import Any, Unpack, cast

from langchain_core.language_models import BaseChatModel
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl

from lumo_graph.agents import How, OpenAgent, Request, aopened, opened, request_for, resumption
from lumo_graph.checkpoints import Checkpointer
from lumo_graph.events import Answered, Event, RunResult
from lumo_graph.options import AgentOptions, RunOptions
from lumo_graph.streaming import STREAM_MODES, events_below, events_of


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
        ThreadBusyError: another run drives the thread, in this process or another.
        ModelError: the provider failed after the retries. With a checkpointer, `resume` continues.
        ExecutorError: the sandbox failed.
    """
    request = request_for(task, options)
    with opened(model, options, request) as agent:
        return _invoke(agent, request)


async def arun(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> RunResult:
    """`run` from an event loop."""
    request = request_for(task, options)
    async with aopened(model, options, request) as agent:
        return await _ainvoke(agent, request)


def stream(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> Generator[Event, None, None]:
    """Run one task and yield what happens while it happens; the last event is `Answered`, with the result.

    Takes what `run` takes and raises what it raises. Ending the iteration early stops the code action that runs and
    cancels the run; a model or a tool that is being waited for is waited for to its end, and an agent to the end of its
    step (`astream` leaves at once).
    """
    return _stream(model, options, request_for(task, options))


def astream(task: str, model: str | BaseChatModel, **options: Unpack[RunOptions]) -> AsyncGenerator[Event, None]:
    """`stream` from an event loop."""
    return _astream(model, options, request_for(task, options))


def resume(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    question: str | None = None,
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
        question: the `"id"` of what the decision is about, or at least its first 8 digits. If that does not wait (any
            more), nothing is answered. Without it the decision is about whatever waits.
        **options: see `lumo_graph.options.AgentOptions`; the tools must be those that the run was started with.

    Raises:
        ConfigurationError: the thread or its store does not exist, or does not wait for this decision.
        ThreadBusyError, ModelError, ExecutorError: as `run`.
    """
    request = resumption(thread_id, checkpointer, options, decision, question)
    with opened(model, options, request) as agent:
        ended = agent.ended(request)
        return ended or _invoke(agent, request)


async def aresume(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    question: str | None = None,
    **options: Unpack[AgentOptions],
) -> RunResult:
    """`resume` from an event loop."""
    request = resumption(thread_id, checkpointer, options, decision, question)
    async with aopened(model, options, request) as agent:
        ended = await agent.aended(request)
        return ended or await _ainvoke(agent, request)


def resume_stream(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    question: str | None = None,
    **options: Unpack[AgentOptions],
) -> Generator[Event, None, None]:
    """`resume` as a stream of events."""
    return _stream(model, options, resumption(thread_id, checkpointer, options, decision, question))


def aresume_stream(
    thread_id: str,
    model: str | BaseChatModel,
    *,
    checkpointer: str | Checkpointer,
    decision: Mapping[str, Any] | None = None,
    question: str | None = None,
    **options: Unpack[AgentOptions],
) -> AsyncGenerator[Event, None]:
    """`resume_stream` from an event loop."""
    return _astream(model, options, resumption(thread_id, checkpointer, options, decision, question))


def _invoke(agent: OpenAgent, request: Request) -> RunResult:
    try:
        return agent.result(agent.graph.invoke(request.input, agent.config, **agent.how))
    except GraphDrained:
        return agent.drained(agent.graph.get_state(agent.config).values)


async def _ainvoke(agent: OpenAgent, request: Request) -> RunResult:
    try:
        return agent.result(await agent.graph.ainvoke(request.input, agent.config, **agent.how))
    except GraphDrained:
        return agent.drained((await agent.graph.aget_state(agent.config)).values)


def _stream(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: Request
) -> Generator[Event, None, None]:
    with opened(model, options, request) as agent:
        ended = agent.ended(request) if request.resumes else None
        yield Answered(result=ended or (yield from _streamed(agent, request)))


def _streamed(agent: OpenAgent, request: Request) -> Generator[Event, None, RunResult]:
    values: Mapping[str, Any] = {}
    control = agent.control or RunControl()
    how: How = {**agent.how, "control": control}
    chunks = agent.graph.stream(request.input, agent.config, stream_mode=STREAM_MODES, subgraphs=True, **how)
    try:
        for namespace, mode, chunk in chunks:  # a name keeps it: it must not close before its node is told to end
            if namespace:
                yield from events_below(namespace, mode, chunk)
                continue
            if mode == "values":
                values = cast("Mapping[str, Any]", chunk)
            yield from events_of(mode, chunk)
    except GeneratorExit:
        control.request_drain("its stream was left")  # agents that are waited for take no next step
        agent.sessions.interrupt()  # the graph waits for its node, and the node for its action
        raise
    except GraphDrained:
        return agent.drained(agent.graph.get_state(agent.config).values)
    return agent.result(values)


async def _astream(
    model: str | BaseChatModel, options: AgentOptions | RunOptions, request: Request
) -> AsyncGenerator[Event, None]:
    async with aopened(model, options, request) as agent, aclosing(aevents(agent, request)) as events:
        async for event in events:
            yield event


async def akeep(agent: OpenAgent, request: Request) -> None:
    """Store what a run is asked, and do nothing of it yet: whoever resumes the thread begins with it."""
    control = RunControl()
    control.request_drain()
    # Not by the agent's own method: nothing has run, so there is nothing to trace.
    chunks = CompiledStateGraph[Any, Any, Any, Any].astream(
        agent.graph, request.input, agent.config, stream_mode="updates", durability="sync", control=control
    )
    try:
        async for _ in chunks:
            pass
    except GraphDrained:
        return


async def aevents(agent: OpenAgent, request: Request) -> AsyncGenerator[Event, None]:
    """What happens in a run whose agent is open; the last event is `Answered`."""
    ended = await agent.aended(request) if request.resumes else None
    if ended is not None:
        yield Answered(result=ended)
        return
    values: Mapping[str, Any] = {}
    try:
        async for namespace, mode, chunk in agent.graph.astream(
            request.input, agent.config, stream_mode=STREAM_MODES, subgraphs=True, **agent.how
        ):
            if mode == "values" and not namespace:
                values = cast("Mapping[str, Any]", chunk)
            told = events_below(namespace, mode, chunk) if namespace else events_of(mode, chunk)
            for event in told:
                yield event
    except GraphDrained:
        yield Answered(result=agent.drained((await agent.graph.aget_state(agent.config)).values))
    else:
        yield Answered(result=agent.result(values))
