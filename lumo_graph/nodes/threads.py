"""Blocking work beside the thread that asked for it."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> "Future[T]":
    """Start `call` in a thread of its own, with a copy of the caller's context.

    The thread is a daemon: pools join their threads when the interpreter ends, so that one tool that hangs would keep
    the process alive for ever.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        future.set_running_or_notify_cancel()
        try:
            result = context.run(call)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, name="lumo-graph-work", daemon=True).start()
    return future


async def await_thread(call: Callable[[], T], *, stop: Callable[[], object]) -> T:
    """Await a blocking call that runs in a thread; if the awaiting task is cancelled, `stop` it and see it end."""
    waiting = asyncio.wrap_future(in_thread(call))
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([waiting])
        if not waiting.cancelled():
            waiting.exception()  # seen, so that asyncio does not report it
        raise
