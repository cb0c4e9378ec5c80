"""Serve tool calls, whichever branch they come from: one door with the limit, the events and the event loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from lumo_graph.events import Event, ToolEnded, ToolStarted, event_to_dict
from lumo_graph.state import AgentState
from lumo_graph.tools import Toolbox, preview
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
        loop: runs the tools that are only async; None outside of an event loop.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        state: AgentState,
        config: RunnableConfig,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._toolbox = toolbox
        self._config = config
        self._loop = loop
        self._asynchronous = {spec.name for spec in toolbox.specs if spec.is_async}
        self._limit: int | None = state["run"]["limits"]["max_tool_calls"]
        self.count = state["counters"]["tool_calls"]
        """Calls of the run so far, refused ones included."""
        self._lock = threading.Lock()
        self._waiting: set[Future[ToolReply]] = set()
        self._emit = event_emitter()

    def call(self, call_id: str, name: str, args: Mapping[str, Any]) -> Served:
        """Make one call, from any thread. A failing tool is a reply with an error, not an exception."""
        self._emit(ToolStarted(call_id=call_id, name=name, args=_bounded(args)))
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
            waiting = list(self._waiting)
        for future in waiting:
            future.cancel()

    def _reply(self, name: str, args: Mapping[str, Any]) -> ToolReply:
        with self._lock:
            self.count += 1
            refused = self._limit is not None and self.count > self._limit
        if refused:
            text = f"The run's limit of {self._limit} tool calls is reached. Answer with what you have."
            return ToolReply(error=text, error_type="RuntimeError")
        if self._loop is None or name not in self._asynchronous:
            return self._toolbox.call(name, args, self._config)
        future = asyncio.run_coroutine_threadsafe(self._toolbox.acall(name, args, self._config), self._loop)
        with self._lock:
            self._waiting.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._waiting.discard(future)


def event_emitter() -> Callable[[Event], None]:
    """What sends an event to the run's `custom` stream, from this thread or any that shares its context."""
    writer = get_stream_writer()
    return lambda event: writer(event_to_dict(event))


def _bounded(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as an event may carry them: long values cut to a preview."""
    return {
        name: value if isinstance(value, (int, float, type(None))) else preview(value) for name, value in args.items()
    }
