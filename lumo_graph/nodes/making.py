"""Make a tool call that nothing stands against: in this thread, on an event loop, or by another agent."""

import asyncio
import concurrent.futures
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.prebuilt import ToolRuntime
from langgraph.runtime import Runtime, get_runtime

from lumo_graph.budgets import BUDGET, SPEND, Spent, left_of, used_up
from lumo_graph.nodes.asking import usage_so_far
from lumo_graph.nodes.leaving import CALLER, Caller
from lumo_graph.nodes.scratchpad import without_answers
from lumo_graph.state import AgentState
from lumo_graph.tools import HAND, IDEMPOTENCY_KEY, Toolbox, run_in_background
from lumo_graph.types import Limits, ToolReply, Usage


class StoppedError(Exception):
    """The action was stopped while a call of it was being made."""


class Making:
    """Makes the calls of one action, from any thread.

    Args:
        toolbox: of the agent.
        state: of the run, for what is left of its limits.
        config: of the node, handed to every tool.
        loop: runs the tools that are only async, and agents; None: the background loop of the process.
    """

    def __init__(
        self, toolbox: Toolbox, state: AgentState, config: RunnableConfig, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self._toolbox = toolbox
        self._state = state
        self._config = config
        self._loop = loop
        self._specs = {spec.name: spec for spec in toolbox.specs}
        self._began = time.monotonic()
        self._spent = Spent()
        self._runtime: Runtime[Any] = get_runtime()
        self._caller = Caller(self._runtime.control)
        self._stopped = False
        self._lock = threading.Lock()
        self._cancels: list[Callable[[], object]] = []

    @property
    def spent(self) -> Spent:
        """What the agents that were called have used."""
        return self._spent

    def count(self, reply: ToolReply) -> None:
        """Count what the agent that gave this reply has used, now or when the action ran before."""
        if reply.spent is not None:
            with self._lock:
                self._spent += Spent.from_dict(reply.spent)

    def is_agent(self, name: str) -> bool:
        """Whether another agent answers calls of this name."""
        return name in self._specs and self._specs[name].is_agent

    def make(
        self, name: str, args: Mapping[str, Any], *, key: str | None, tool_calls: int, answers: bool = True
    ) -> ToolReply:
        """Make a call. A failing tool is a reply with an error, not an exception.

        Args:
            name: of the tool.
            args: plain data.
            key: the idempotency key; None where nothing is recorded: then one of its own.
            tool_calls: of the run so far.
            answers: an answer that says not whose it is may be one to the agent that is called.

        Raises:
            StoppedError: the action was stopped.
            GraphBubbleUp: the tool has asked a person, or the run is being drained.
        """
        configurable = {**self._config.get("configurable", {}), HAND: self._hand}
        # Where nothing is recorded no call is made again, so any key that is like no other will do.
        configurable[IDEMPOTENCY_KEY] = key or uuid.uuid4().hex
        if not self.is_agent(name):
            return self._made(name, args, {**self._config, "configurable": configurable})
        if over := used_up(Limits.of(self._state["run"]["limits"]), self._usage, seconds=self._seconds):
            text = f"The run's limit {over} is reached, so {name} was not called. Answer with what you have."
            return ToolReply(error=text, error_type="RuntimeError")
        spent: list[Mapping[str, Any]] = []
        configurable |= {BUDGET: self._left(tool_calls), SPEND: spent.append, CALLER: self._caller}
        if not answers:
            configurable = without_answers(configurable)
        reply = self._made(name, args, {**self._config, "configurable": configurable})
        return replace(reply, spent=spent[0]) if spent else reply

    def stop(self) -> None:
        """Cancel the async tools and the agents that still run. A sync tool cannot be stopped; nobody waits for it."""
        with self._lock:
            self._stopped = True
            cancels = list(self._cancels)
        for cancel in cancels:
            cancel()
        self._caller.leave()

    def _hand(self, kind: str, call_id: str | None) -> Any:
        """What a tool asks for beside its arguments."""
        runtime = self._runtime
        if kind == "store":
            return runtime.store
        return ToolRuntime(
            state=dict(self._state),
            context=runtime.context,
            config=self._config,
            stream_writer=runtime.stream_writer,
            tool_call_id=call_id,
            store=runtime.store,
            execution_info=runtime.execution_info,
            server_info=runtime.server_info,
        )

    def _left(self, tool_calls: int) -> dict[str, float]:
        return left_of(
            Limits.of(self._state["run"]["limits"]),
            self._usage,
            tool_calls=tool_calls,
            seconds=self._seconds,
        )

    @property
    def _usage(self) -> Usage:
        return usage_so_far(self._state) + self._spent.usage

    @property
    def _seconds(self) -> float:
        return self._state["counters"]["seconds"] + time.monotonic() - self._began

    def _made(self, name: str, args: Mapping[str, Any], config: RunnableConfig) -> ToolReply:
        # An agent on an event loop has a store that may be for event loops only.
        if name in self._toolbox.awaited or (self._loop is not None and self.is_agent(name)):
            return self._awaited(name, args, config)
        return self._toolbox.call(name, args, config)

    def _awaited(self, name: str, args: Mapping[str, Any], config: RunnableConfig) -> ToolReply:
        def make() -> Coroutine[Any, Any, ToolReply]:
            return self._toolbox.acall(name, args, config)

        try:
            if self._loop is None:
                return run_in_background(make, started=self._cancels.append)
            future = asyncio.run_coroutine_threadsafe(make(), self._loop)
            self._cancels.append(future.cancel)
            return future.result()
        except (asyncio.CancelledError, concurrent.futures.CancelledError):
            if self._stopped:
                raise StoppedError(name) from None  # nothing is recorded: what has become of it is not known
            return ToolReply(error=f"{name} was stopped before it returned.", error_type="TimeoutError")
