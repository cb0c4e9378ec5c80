"""Blocking work beside the thread that asked for it."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 0.2
"""Seconds between two attempts to stop cancelled work."""


def in_thread(call: Callable[[], T]) -> "Future[T]":
    """Start `call` in a thread of its own, with a copy of the caller's context.

    The thread is a daemon: pools join their threads when the interpreter ends, so that one tool that hangs would keep
    the process alive for ever.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    work = threading.Thread(
        target=lambda: _settle(future, lambda: context.run(call)), name="lumo-graph-work", daemon=True
    )
    work.start()
    return future


def in_threads(calls: Sequence[Callable[[], T]], *, most: int = 32) -> "list[Future[T]]":
    """Start calls that run together, in at most `most` daemon threads; those beyond wait for a thread."""
    futures: list[Future[T]] = [Future() for _ in calls]
    waiting = deque(zip(calls, futures, strict=True))

    def work() -> None:
        while waiting:
            try:
                call, future = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            _settle(future, partial(contextvars.copy_context().run, call))

    for _ in range(min(most, len(calls))):
        in_thread(work)
    return futures


def _settle(future: "Future[T]", call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
        future.set_exception(error)
    else:
        future.set_result(result)


async def await_thread(call: Callable[[], T], *, stop: Callable[[], object]) -> T:
    """Await a blocking call that runs in a thread; if the awaiting task is cancelled, `stop` it and see it end."""
    waiting = asyncio.wrap_future(in_thread(call))
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        while not waiting.done():
            stop()  # again and again: the work may not have begun what there is to stop
            # Cancelled once more, by a loop that ends for instance: what the work holds is given back at its end only.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([waiting], timeout=_PATIENCE)
        if not waiting.cancelled():
            waiting.exception()  # seen, so that asyncio does not report it
        raise
