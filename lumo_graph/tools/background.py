"""One event loop for the process, in a daemon thread: where async-only tools run when the caller is not async.

A tool keeps its loop-bound things, such as an HTTP client's connections, on this one loop from call to call.
"""

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

_STOP_SECONDS = 2.0


@dataclass(slots=True)
class _Background:
    """The loop and its thread, started by the first call that needs them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None

    def start(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self.loop is None or self.thread is None or not self.thread.is_alive():
                self.loop = asyncio.new_event_loop()
                self.thread = threading.Thread(target=_serve, args=(self.loop,), name="lumo-tools", daemon=True)
                self.thread.start()
            return self.loop

    def stop(self) -> None:
        with self.lock:
            loop, thread, self.loop, self.thread = self.loop, self.thread, None, None
        if loop is not None and thread is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_STOP_SECONDS)


_background = _Background()
_left_behind: list[_Background] = []
_inside: ContextVar[bool] = ContextVar("lumo_graph_inside_background_loop", default=False)


def run_in_background(
    make: Callable[[], Coroutine[Any, Any, T]], started: Callable[[Callable[[], None]], None] | None = None
) -> T:
    """Run a coroutine to its end from synchronous code, whatever loops run in the calling thread.

    It runs in a copy of the caller's context. KeyboardInterrupt in the caller cancels it. From inside the
    background loop itself, where waiting would block the loop for ever, it gets a thread and a loop of its own.

    Args:
        make: returns the coroutine; called where the coroutine runs.
        started: is given a function that cancels the coroutine, for any thread to call.

    Raises:
        BaseException: what the coroutine raised, SystemExit and KeyboardInterrupt included.
    """
    outcome = _run_apart(make) if _inside.get() else _wait_for(_background.start(), make, started)
    return outcome.unwrap()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a coroutine did. Boxed, so that a SystemExit reaches the caller without leaving through the loop."""

    value: Any = None
    error: BaseException | None = None

    def unwrap(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(slots=True)
class _Job:
    """One coroutine on its way through a loop. It can be cancelled from the moment it is submitted."""

    make: Callable[[], Coroutine[Any, Any, Any]]
    task: asyncio.Task[Any] | None = None
    unwanted: bool = False

    async def run(self) -> _Outcome:
        if self.unwanted:
            return _Outcome(error=asyncio.CancelledError())
        self.task = asyncio.current_task()
        _inside.set(True)
        try:
            return _Outcome(value=await self.make())
        except BaseException as error:  # noqa: BLE001 - raised again by unwrap, in the caller's thread
            return _Outcome(error=error)

    def cancel(self) -> None:
        """Called in the loop's thread."""
        self.unwanted = True
        if self.task is not None:
            self.task.cancel()


def _wait_for(
    loop: asyncio.AbstractEventLoop,
    make: Callable[[], Coroutine[Any, Any, Any]],
    started: Callable[[Callable[[], None]], None] | None,
) -> _Outcome:
    job = _Job(make)
    if started is not None:
        started(lambda: cast("None", loop.call_soon_threadsafe(job.cancel)))
    try:
        return asyncio.run_coroutine_threadsafe(job.run(), loop).result()
    except concurrent.futures.CancelledError:  # the process ends, and the loop with it
        raise asyncio.CancelledError from None
    except BaseException:
        loop.call_soon_threadsafe(job.cancel)
        raise


def _run_apart(make: Callable[[], Coroutine[Any, Any, Any]]) -> _Outcome:
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="lumo-tools-nested") as pool:
        return pool.submit(copy_context().run, asyncio.run, _Job(make).run()).result()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        while not _runs_until_stopped(loop):
            pass
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _runs_until_stopped(loop: asyncio.AbstractEventLoop) -> bool:
    """False if a tool's SystemExit or KeyboardInterrupt broke out of a task; whoever awaits that task gets it too."""
    try:
        loop.run_forever()
    except BaseException:  # noqa: BLE001 - kept by the task
        return False
    return True


def _forget_after_fork() -> None:
    # The child has the loop but not its thread. Closing the loop here would unregister the parent's own file
    # descriptors, which the two share, so the child keeps it untouched and starts another when it needs one.
    global _background  # noqa: PLW0603 - one loop a process is the point
    _left_behind.append(_background)
    _background = _Background()


def _stop() -> None:
    _background.stop()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(_stop)
