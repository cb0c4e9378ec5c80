"""The compiled graph of an agent: LangGraph's, and around each of its runs the span of the run."""

import operator
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing, contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any, Self, SupportsIndex, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs
from langgraph.errors import GraphBubbleUp
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt
from opentelemetry.context import Context
from typing_extensions import override

from lumo_graph.context import AgentContext
from lumo_graph.nodes.invocation import INVOCATION, Invocation
from lumo_graph.nodes.retrying import failed_calls
from lumo_graph.state import AgentInput, AgentOutput, AgentState
from lumo_graph.tracing import RunTrace, Traced, begin_run, current_run, entered, untraced

_OWN_THREAD = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")


class LumoAgent(CompiledStateGraph[AgentState, AgentContext, AgentInput, AgentOutput]):
    """An agent. `invoke`, `ainvoke`, `batch` and every kind of stream go through the two methods here.

    Args:
        traced: what the spans of its runs say of it.
        stop: ends what its nodes do now, undone; from any thread.
        calls_agents: it may call other agents.
        **parts: of a compiled state graph.
    """

    def __init__(self, *, traced: Traced, stop: Callable[[], object], calls_agents: bool = False, **parts: Any) -> None:
        super().__init__(**parts)
        self.traced = traced
        self.stop = stop
        self.calls_agents = calls_agents

    @classmethod
    def of(
        cls,
        graph: CompiledStateGraph[AgentState, AgentContext, AgentInput, AgentOutput],
        traced: Traced,
        stop: Callable[[], object],
        *,
        calls_agents: bool,
    ) -> Self:
        """A compiled graph as an agent; the two share everything."""
        made = cls.__new__(cls)
        vars(made).update(vars(graph), traced=traced, stop=stop, calls_agents=calls_agents)
        return made

    @override
    def stream(  # pyright: ignore[reportIncompatibleMethodOverride] - LangGraph's overloads, passed on as they are
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Generator[Any, None, None]:
        given = input
        if self._may_be_for_another(input, config):
            given = addressed(input, self.get_state(self._whole_config(config)).interrupts)
        with self._invocation(config) as config_within:
            chunks: Generator[Any, None, None] = cast("Any", super()).stream(given, config_within, **options)
            run = begin_run(self.traced, self._whole(config))
            context = _context_of(run)
            if context is None:
                yield from chunks
                return
            # What is current is so within each `next` alone: between two of them the consumer's own context counts.
            with _ending(run), closing(_Within(chunks, context)) as traced:
                yield from traced

    @override
    async def astream(  # pyright: ignore[reportIncompatibleMethodOverride] - same
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        given = input
        if self._may_be_for_another(input, config):
            given = addressed(input, (await self.aget_state(self._whole_config(config))).interrupts)
        with self._invocation(config) as config_within:
            chunks: AsyncGenerator[Any, None] = cast("Any", super()).astream(given, config_within, **options)
            run = begin_run(self.traced, self._whole(config))
            with _ending(run):
                async with aclosing(_AsyncWithin(chunks, _context_of(run))) as traced:
                    async for chunk in traced:
                        yield chunk

    @override
    def transform(self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """As a part of a chain that is streamed: what the next part gets is what `invoke` gives, and no updates."""
        if "stream_mode" in kwargs:
            yield from super().transform(input, config, **kwargs)
        elif given := [*input]:
            yield cast("Any", self).invoke(_joined(given), config, **kwargs)

    @override
    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """`transform` on an event loop."""
        if "stream_mode" in kwargs:
            async for chunk in super().atransform(input, config, **kwargs):
                yield chunk
        elif given := [chunk async for chunk in input]:
            yield await cast("Any", self).ainvoke(_joined(given), config, **kwargs)

    def __copy__(self) -> Self:
        """Another one of the same parts, as `copy` makes it."""
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same: an agent holds configuration and live sessions, which cannot be had twice."""
        return self.copy()

    @override
    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        raise TypeError(
            f"The agent {self.get_name()!r} cannot be pickled: it holds live sessions, models and tools. Create it in "
            "every process, with create_lumo_agent(...) in a function of yours; its runs are in the checkpointer."
        )

    @contextmanager
    def _invocation(self, config: RunnableConfig | None) -> Generator[RunnableConfig | None, None, None]:
        """The length of one stream; yields the config that its nodes see."""
        saver = cast("Any", self).checkpointer
        given = merge_configs(self.config, config).get("configurable") or {}
        # Below a node, LangGraph has what a call does not say from the node, unless the call names a thread of its own.
        alone = any(given.get(key) for key in _OWN_THREAD)
        around = given if alone else self._whole_config(config).get("configurable") or {}
        if not around and saver:
            yield config  # LangGraph says what is missing
            return
        invocation = Invocation(self.get_name(), stores=saver is not False)
        more = {INVOCATION: invocation, **failed_calls.again(around, self.builder)}
        try:
            yield {**(config or {}), "configurable": {**((config or {}).get("configurable") or {}), **more}}
        except GraphBubbleUp:
            raise
        except Exception:
            failed_calls.note(around, self.builder)
            raise
        finally:
            invocation.end()

    def _whole(self, config: RunnableConfig | None) -> Mapping[str, Any]:
        return self._whole_config(config)

    def _whole_config(self, config: RunnableConfig | None) -> RunnableConfig:
        return ensure_config(merge_configs(self.config, config))

    def _may_be_for_another(self, given: Any, config: RunnableConfig | None) -> bool:
        """Whether it is an answer that an agent which this one has called may wait for."""
        if not self.calls_agents or not isinstance(given, Command) or given.resume is None:
            return False
        return "__pregel_task_id" not in self._whole_config(config).get("configurable", {})


def _joined(chunks: Sequence[Any]) -> Any:
    """What a part of a chain has given in pieces; the last one where they cannot be added, as in other chains."""
    try:
        return reduce(operator.add, chunks)
    except TypeError:
        return chunks[-1]


def addressed(given: Command[Any], interrupts: Sequence[Interrupt]) -> Command[Any]:
    """An answer with the id of the only interrupt that waits.

    LangGraph gives an answer without an id to whoever asks first. Of an agent and the agents that it calls that may be
    another one than the one which has asked.
    """
    if len(interrupts) != 1 or interrupts[0].id in _names(given.resume):
        return given
    return replace(given, resume={interrupts[0].id: given.resume})


def _names(resume: Any) -> Collection[str]:
    return cast("Mapping[str, Any]", resume) if isinstance(resume, Mapping) else ()


def _context_of(run: RunTrace | None) -> Context | None:
    """What is to be current in the run; None if that need not change."""
    if run is not None:
        return run.context
    return None if current_run() is None else untraced()


@contextmanager
def _ending(run: RunTrace | None) -> Generator[None, None, None]:
    try:
        yield
    except BaseException as error:
        if run is not None:
            run.end(error)
        raise
    if run is not None:
        run.end()


class _Within(Generator[Any, None, None]):
    """A generator whose every step is made in a context."""

    def __init__(self, inner: Generator[Any, None, None], context: Context) -> None:
        self._inner = inner
        self._context = context

    @override
    def send(self, value: None) -> Any:
        with entered(self._context):
            return self._inner.send(value)

    @override
    def throw(self, *error: Any) -> Any:
        with entered(self._context):
            return self._inner.throw(*error)

    @override
    def close(self) -> None:
        with entered(self._context):
            self._inner.close()


class _AsyncWithin(AsyncGenerator[Any, None]):
    """An async generator whose every step is made in a context; None: in the consumer's.

    The event loop hears of the generator around it alone. At its end it closes all that it has heard of at once, and
    would complain that the inner one is closed already.
    """

    def __init__(self, inner: AsyncGenerator[Any, None], context: Context | None) -> None:
        self._inner = inner
        self._context = context

    @override
    async def asend(self, value: None) -> Any:
        with entered(self._context):
            with _unheard():
                step = self._inner.asend(value)
            return await step

    @override
    async def athrow(self, *error: Any) -> Any:
        with entered(self._context):
            with _unheard():
                step = self._inner.athrow(*error)
            return await step

    @override
    async def aclose(self) -> None:
        with entered(self._context):
            with _unheard():
                step = self._inner.aclose()
            await step


@contextmanager
def _unheard() -> Generator[None, None, None]:
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, hooks.finalizer)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)
