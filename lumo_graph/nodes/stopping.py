"""Ending what the nodes of an agent do now, undone: they run again when the run goes on."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from langgraph.errors import GraphDrained


class Stopping:
    """Whether the nodes of one agent are to end where they are. A run that ended so leaves the checkpoint before it."""

    def __init__(self) -> None:
        self._times = 0
        self._waits: set[tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Cancel the nodes that wait on an event loop; from any thread. Whoever runs code actions interrupts them."""
        with self._lock:
            self._times += 1
            waits = list(self._waits)
        for loop, wait in waits:
            with suppress(RuntimeError):  # the loop is closed: nobody waits there
                loop.call_soon_threadsafe(_expire, wait)

    @asynccontextmanager
    async def cancellable(self) -> AsyncGenerator[None, None]:
        """Let a node be cancelled in a `with` block, and nothing around it.

        Raises:
            GraphDrained: it was.
        """
        place = asyncio.get_running_loop(), (wait := asyncio.timeout(None))
        try:
            async with wait:
                with self._lock:
                    self._waits.add(place)
                try:
                    yield
                finally:
                    with self._lock:
                        self._waits.discard(place)
        except TimeoutError:
            if wait.expired():
                raise GraphDrained from None
            raise

    @property
    def times(self) -> int:
        """How often it has stopped the nodes of its agent, which may work for other runs afterwards."""
        return self._times

    def check(self, update: Mapping[str, Any], since: int) -> None:
        """Refuse what a node has made of an action that was stopped: the model must not hear of it.

        Args:
            update: of the node.
            since: `times` when the node began.

        Raises:
            GraphDrained: it was stopped.
        """
        execution: Mapping[str, Any] = update.get("execution") or {}
        if self._times != since and execution.get("rolled_back"):
            raise GraphDrained


def _expire(wait: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # it is over
        wait.reschedule(asyncio.get_running_loop().time())
