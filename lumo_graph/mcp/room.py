"""An event loop in a thread of its own, where servers live for as long as a `with` block.

So they do not depend on the caller's loop, which may be blocked, or another one at each call, or none at all.
"""

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_CLOSE_SECONDS = 15.0
"""Each server is ended in a few seconds, all of them at once; this is for a machine that is out of breath."""


class Room:
    """A thread with an event loop, until it is closed.

    Args:
        leave: is awaited on the loop when it is closed.
    """

    def __init__(self, leave: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._leave = leave
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="lumo-mcp", daemon=True)
        _rooms.add(self)
        self._thread.start()
        self._ready.wait()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T] | None":
        """Run a coroutine on the loop; None if the room is closed, or was opened by another process."""
        with self._lock:
            if self._closed or self._loop is None or os.getpid() != self._pid:
                work.close()
                return None
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End what lives there, and the thread. Returns when both have ended; a second time it waits for the first."""
        if os.getpid() != self._pid:
            return  # the copy of a room in a forked process has neither
        with self._lock:
            first, self._closed = not self._closed, True
            if first and self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_CLOSE_SECONDS)
        _rooms.discard(self)

    def _serve(self) -> None:
        try:
            asyncio.run(self._live())
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            await self._leave()


_rooms: weakref.WeakSet[Room] = weakref.WeakSet()


def _close_all() -> None:
    for room in list(_rooms):
        room.close()


atexit.register(_close_all)
