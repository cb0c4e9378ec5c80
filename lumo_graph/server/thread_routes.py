"""`/threads`: what is stored, and what can be done with it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from lumo_graph.checkpoints import (
    ThreadSummary,
    adelete_thread,
    afork_thread,
    alist_checkpoints,
    hold_thread,
    list_threads,
    open_checkpointer,
)
from lumo_graph.errors import ThreadBusyError
from lumo_graph.reading import aread_thread
from lumo_graph.server.answers import JSON, ThreadMissingError
from lumo_graph.server.documents import ERRORS
from lumo_graph.server.run_routes import TheService, TheThread
from lumo_graph.server.service import Service
from lumo_graph.wire.requests import ForkRequest
from lumo_graph.wire.threads import (
    ForkResponse,
    HistoryResponse,
    ThreadResponse,
    ThreadsResponse,
    begun_thread,
    checkpoint_listed,
    fork_response,
    listed,
    thread_response,
)

router = APIRouter(prefix="/threads", tags=["threads"], responses=ERRORS)

_MOST_LISTED = 1000


@router.get("", response_model=ThreadsResponse)
async def threads(
    service: TheService, limit: Annotated[int, Query(ge=1, le=_MOST_LISTED, description="Of threads.")] = 100
) -> Response:
    """The threads of this server, the one used last first."""
    found = await asyncio.to_thread(_stored, service, limit)
    told = [listed(one, running=service.runs.is_running(one.thread_id)) for one in found]
    return JSON(ThreadsResponse(threads=told).model_dump())


@router.get("/{thread_id}", response_model=ThreadResponse)
async def thread(thread_id: TheThread, service: TheService) -> Response:
    """Where a thread stands: its last run's steps, its answer, and what waits for a person."""
    stored = await aread_thread(service.store, thread_id)
    here = service.runs.is_running(thread_id)
    if stored is None:
        if not here:
            raise ThreadMissingError(thread_id)
        return JSON(begun_thread(thread_id).model_dump())
    ended = stored.summary.outcome is not None or stored.summary.waiting
    running = here or (not ended and await asyncio.to_thread(_is_held, service, thread_id))
    failure = None if running else service.runs.failure_of(thread_id)
    return JSON(thread_response(stored, running=running, failure=failure).model_dump())


@router.get("/{thread_id}/history", response_model=HistoryResponse)
async def history(thread_id: TheThread, service: TheService) -> Response:
    """The checkpoints of a thread, the newest first. A fork may begin at each."""
    await _must_exist(service, thread_id)
    found = await alist_checkpoints(service.store, thread_id)
    return JSON({"checkpoints": [checkpoint_listed(one).model_dump() for one in found]})


@router.post("/{thread_id}/fork", status_code=201, response_model=ForkResponse)
async def fork(thread_id: TheThread, asked: ForkRequest, service: TheService) -> Response:
    """Begin a new thread where another one stands, or stood. Resume goes on with it."""
    await _must_exist(service, thread_id)
    at = asked.at
    if at is None:
        at = (await alist_checkpoints(service.store, thread_id))[0].checkpoint_id
    made = await afork_thread(service.store, thread_id, at=str(at), new_thread_id=asked.new_thread_id)
    return JSON(fork_response(made).model_dump(), 201)


@router.delete("/{thread_id}", status_code=204, response_class=Response)
async def delete(thread_id: TheThread, service: TheService) -> Response:
    """Delete a thread: its conversation, its variables and its history."""
    await _must_exist(service, thread_id)
    if service.runs.is_running(thread_id):
        raise ThreadBusyError
    await adelete_thread(service.store, thread_id)
    return Response(status_code=204)


async def _must_exist(service: Service, thread_id: str) -> None:
    if await aread_thread(service.store, thread_id) is None:
        raise ThreadMissingError(thread_id)


def _stored(service: Service, most: int) -> list[ThreadSummary]:
    with open_checkpointer(service.store) as saver:
        return [] if saver is None else list_threads(saver, most=most)


def _is_held(service: Service, thread_id: str) -> bool:
    """Whether a process drives the thread, this one or another."""
    with open_checkpointer(service.store) as saver:
        try:
            with hold_thread(saver, thread_id):
                return False
        except ThreadBusyError:
            return True
