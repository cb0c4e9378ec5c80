"""What a server does by itself: go on with what another one has left, and delete what nobody uses."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lumo_graph.checkpoints import alist_unfinished, aprune_threads
from lumo_graph.errors import LumoGraphError
from lumo_graph.server.answers import ThreadMissingError, log
from lumo_graph.server.running import DrainingError
from lumo_graph.server.turns import TooManyRunsError
from lumo_graph.wire.requests import ResumeRequest

if TYPE_CHECKING:
    from lumo_graph.server.service import Service

_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE = 3600.0
"""Seconds between two looks at what nobody uses."""


def chores_of(service: "Service") -> Iterator[Coroutine[Any, Any, None]]:
    """Those that the operator wants."""
    if service.settings.recover:
        yield _recover(service)
    if service.settings.keep_threads is not None:
        yield _prune(service, service.settings.keep_threads)


async def _recover(service: "Service") -> None:
    """Go on with every run that was left in the middle, as many at once as may run."""
    try:
        left = [one.thread_id for one in await alist_unfinished(service.store)]
    except LumoGraphError as error:
        log.warning("Nothing is recovered: %s", error)
        return
    for thread_id in left:
        while not await _has_begun(service, thread_id):  # noqa: ASYNC110 - others end when they end
            await asyncio.sleep(_PAUSE_SECONDS)
    if left:
        log.info("Going on with %d runs that were left.", len(left))


async def _has_begun(service: "Service", thread_id: str) -> bool:
    """Whether there is nothing more to do for it; False: it has to wait until others have ended."""
    try:
        await service.go_on(thread_id, ResumeRequest(), watched=False)
    except TooManyRunsError:
        return False
    except (LumoGraphError, DrainingError, ThreadMissingError) as error:
        log.warning("Thread %r is not recovered: %s", thread_id, error)
    return True


async def _prune(service: "Service", age: timedelta) -> None:
    while True:
        try:
            gone = await aprune_threads(service.store, older_than=age)
        except LumoGraphError as error:
            log.warning("No threads were deleted: %s", error)
        else:
            if removed := sum(1 for one in gone if one.removed):
                log.info("Deleted %d threads that were not used for %s.", removed, age)
        await asyncio.sleep(min(age.total_seconds(), _LONGEST_PAUSE))
