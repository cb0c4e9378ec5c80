"""A node with a sync and an async form."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import get_runtime
from typing_extensions import override

from lumo_graph.nodes.invocation import invocation_of
from lumo_graph.nodes.leaving import check_caller
from lumo_graph.nodes.records import find_place
from lumo_graph.nodes.setup import Setup, ends_with_run, session_key
from lumo_graph.state import AgentState, RunFields, Update
from lumo_graph.tracing import Place, RunTrace, current_run


class Work(Protocol):
    """What a node does, in both forms."""

    def run(self, state: AgentState, config: RunnableConfig, /) -> Update:
        """Do it; the channels to write."""
        ...

    def arun(self, state: AgentState, config: RunnableConfig, /) -> Awaitable[Update]:
        """Do it, from an event loop."""
        ...


class Node(Runnable[AgentState, Update]):
    """What LangGraph runs: one of two functions of the state and the config.

    LangChain's RunnableLambda does the same, but it keeps what it has inspected in a cache of the process, and with it
    the agents and the live sessions of its nodes.

    Args:
        setup: of the agent.
        work: what it does.
        place: what it is in a run, for the run's trace; None: a part of the run and of no step.
    """

    def __init__(self, setup: Setup, work: Work, place: Place | None = None) -> None:
        self._setup = setup
        self._work = work
        self._place: Place | None = place

    @override
    def invoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        config = ensure_config(config)
        self._enter(input, config)
        stops = self._setup.stopping.times
        try:
            with self._traced(input) as finish:
                update = self._signed(self._work.run(input, config))
                self._setup.stopping.check(update, stops)
                check_caller(config, update)
                update = finish(update)
        except BaseException:
            self._release(input, config)
            raise
        return update

    @override
    async def ainvoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        config = ensure_config(config)
        self._enter(input, config)
        stops = self._setup.stopping.times
        try:
            with self._traced(input) as finish:
                async with self._setup.stopping.cancellable():
                    update = self._signed(await self._work.arun(input, config))
                self._setup.stopping.check(update, stops)
                check_caller(config, update)
                update = finish(update)
        except GeneratorExit:  # nothing can be awaited any more
            self._release(input, config)
            raise
        except BaseException:
            await self._arelease(input, config)
            raise
        return update

    @contextmanager
    def _traced(self, state: AgentState) -> Generator[Callable[[Update], Update], None, None]:
        """The node's place in the trace of its run; yields what the trace makes of its update."""
        if (run := current_run()) is None:
            yield lambda update: update
            return
        info = get_runtime().execution_info
        with run.in_node(self._place, state, info.checkpoint_id if info else None):
            yield lambda update: self._seen(run, update, state)

    def _signed(self, update: Update) -> Update:
        # What a run begins with others have said.
        return update if self._place == "begins" else self._setup.sign(update)

    def _seen(self, run: RunTrace, update: Update, state: AgentState) -> Update:
        more = run.see(self._place, update, state.get("run"))
        return {**update, "run": cast("RunFields", more["run"])} if more else update

    def _enter(self, state: AgentState, config: RunnableConfig) -> None:
        """Say what ends with this invoke of the graph, and that the memory of the graph is in use."""
        if (invocation := invocation_of(config)) is None:
            return
        place = find_place(config)
        if place is not None and place.namespace and ":" not in place.namespace:
            invocation.claim(place.thread, place.namespace, place.step)
        # A stream may be left, and then no node hears of it.
        if state.get("run") and ends_with_run(state, config):
            key = session_key(state, config)
            invocation.leaves(key, partial(self._setup.sessions.close, key))

    def _release(self, state: AgentState, config: RunnableConfig) -> None:
        """End the session of a run that has failed and that nobody can come back to."""
        # Input that is refused has not become a run: there is no session yet.
        if state.get("run") and ends_with_run(state, config):
            self._setup.sessions.close(session_key(state, config))

    async def _arelease(self, state: AgentState, config: RunnableConfig) -> None:
        if state.get("run") and ends_with_run(state, config):
            await asyncio.shield(self._setup.sessions.aclose(session_key(state, config)))
