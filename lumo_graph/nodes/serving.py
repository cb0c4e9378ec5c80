"""Serve tool calls, whichever branch they come from: one door with the limit, the events and the event loop."""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.errors import GraphInterrupt

from lumo_graph.events import Event, ToolEnded, ToolStarted, event_to_dict
from lumo_graph.state import AgentState
from lumo_graph.tools import Toolbox, bounded_args, preview, run_in_background
from lumo_graph.types import ToolReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One call that was served."""

    reply: ToolReply
    preview: str
    seconds: float


class ToolServer:
    """The tool calls of one action.

    Args:
        toolbox: makes the calls.
        state: of the run, for what is left of its limit.
        config: of the node, handed to every tool.
        together: calls that are known to be made at once.
        loop: runs the tools that are only async; None: the background loop of the process.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        state: AgentState,
        config: RunnableConfig,
        *,
        together: int = 1,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._toolbox = toolbox
        self._config = config
        self._together = together
        self._loop = loop
        self._asynchronous = {spec.name for spec in toolbox.specs if spec.is_async}
        self._limit: int | None = state["run"]["limits"]["max_tool_calls"]
        self._before = state["counters"]["tool_calls"]
        self._made = 0
        self._lock = threading.Lock()
        self._cancels: list[Callable[[], object]] = []
        self._emit = event_emitter()

    @property
    def count(self) -> int:
        """Calls of the run so far, refused ones included."""
        return self._before + self._made

    def call(self, call_id: str, name: str, args: Mapping[str, Any]) -> Served:
        """Make one call, from any thread. A failing tool is a reply with an error, not an exception."""
        self._emit(ToolStarted(call_id=call_id, name=name, args=bounded_args(args)))
        started = time.monotonic()
        reply = self._reply(name, args)
        served = Served(
            reply=reply,
            preview=preview(reply.value) if reply.error is None else preview(reply.error),
            seconds=time.monotonic() - started,
        )
        ok = reply.error is None
        self._emit(ToolEnded(call_id=call_id, name=name, ok=ok, preview=served.preview, seconds=served.seconds))
        return served

    def stop(self) -> None:
        """Cancel the async tools that still run. A sync tool cannot be stopped; nobody waits for it any more."""
        with self._lock:
            cancels = list(self._cancels)
        for cancel in cancels:
            cancel()

    def _reply(self, name: str, args: Mapping[str, Any]) -> ToolReply:
        with self._lock:
            self._made += 1
            made, refused = self._made, self._limit is not None and self.count > self._limit
        if refused:
            text = f"The run's limit of {self._limit} tool calls is reached. Answer with what you have."
            return ToolReply(error=text, error_type="RuntimeError")
        try:
            if name in self._asynchronous:
                return self._await(name, args)
            return self._toolbox.call(name, args, self._config)
        except GraphInterrupt:
            if made == 1 and self._together == 1:
                raise
            # On resume the whole action runs again, and LangGraph hands out answers by the order of the questions.
            text = f"{name} waits for a person, so it must be the first and only call of its action. Call it alone."
            return ToolReply(error=text, error_type="RuntimeError")

    def _await(self, name: str, args: Mapping[str, Any]) -> ToolReply:
        def make() -> Coroutine[Any, Any, ToolReply]:
            return self._toolbox.acall(name, args, self._config)

        try:
            if self._loop is None:
                return run_in_background(make, started=self._cancels.append)
            future = asyncio.run_coroutine_threadsafe(make(), self._loop)
            self._cancels.append(future.cancel)
            return future.result()
        except (asyncio.CancelledError, concurrent.futures.CancelledError):
            return ToolReply(error=f"{name} was stopped before it returned.", error_type="TimeoutError")


def event_emitter() -> Callable[[Event], None]:
    """What sends an event to the run's `custom` stream, from this thread or any that shares its context."""
    writer = get_stream_writer()
    return lambda event: writer(event_to_dict(event))
