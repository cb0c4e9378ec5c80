"""Wait for a run on behalf of a client, for as long as there is one."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from fastapi import Request

from lumo_graph.server.answers import GoneError
from lumo_graph.server.running import Running

T = TypeVar("T")


async def unless_gone(request: Request, running: Running, awaited: Awaitable[T]) -> T:
    """What is awaited of a run. If its client hangs up before, the run is cancelled.

    Raises:
        GoneError: it has.
    """
    gone = asyncio.ensure_future(_hung_up(request))
    work = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait([gone, work], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
    finally:
        if not work.done():
            running.cancel()
        for one in (gone, work):
            one.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await one
    raise GoneError


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
