"""`/run` and `/stream`: what Lumo's clients call. And how a thread is gone on with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from lumo_graph.server.answers import JSON
from lumo_graph.server.documents import ERRORS, STREAM
from lumo_graph.server.running import Running
from lumo_graph.server.service import Service, service_of
from lumo_graph.server.streams import stream_of
from lumo_graph.server.waiting import unless_gone
from lumo_graph.wire.requests import ResumeRequest, RunRequest, ThreadId
from lumo_graph.wire.responses import RunResponse, response_of
from lumo_graph.wire.threads import StartedResponse

router = APIRouter()

TheService = Annotated[Service, Depends(service_of)]
TheThread = Annotated[ThreadId, Path(description="The thread.")]

_EITHER: dict[int | str, dict[str, Any]] = {
    202: {"model": StartedResponse, "description": "The run goes on in the background; look at its thread."},
    **ERRORS,
}


@router.post("/run", response_model=RunResponse, responses=_EITHER, tags=["runs"])
async def run(request: Request, asked: RunRequest, service: TheService) -> Response:
    """Run a task to its end.

    If the client hangs up, the run is cancelled, unless it is one in the background.
    """
    running = await service.start(asked, watched=False)
    return await _answer(request, running, background=asked.background)


@router.post("/stream", response_class=Response, responses={**STREAM, **ERRORS}, tags=["runs"])
async def stream(request: Request, asked: RunRequest, service: TheService) -> Response:
    """Run a task, and tell what happens while it happens, as server-sent events.

    Each is a JSON object with a `type`: first `thread`, then `token`, `step` and others, `approval` if a call waits
    for a person, `error` if the run fails, and always `done` at the end.
    """
    running = await service.start(asked, watched=not asked.background)
    if asked.background:
        return await _answer(request, running, background=True)
    return await _stream(request, running, service)


@router.post("/threads/{thread_id}/resume", response_model=RunResponse, responses=_EITHER, tags=["threads"])
async def resume(request: Request, thread_id: TheThread, asked: ResumeRequest, service: TheService) -> Response:
    """Go on with the run of a thread: one that waits for a decision, that was stopped, or whose model has failed.

    A run that has ended gives its answer again.
    """
    running = await service.go_on(thread_id, asked, watched=asked.stream)
    if asked.stream:
        return await _stream(request, running, service)
    return await _answer(request, running, background=asked.background)


async def _answer(request: Request, running: Running, *, background: bool) -> Response:
    request.state.thread_id = running.thread_id
    if background:
        await running.begun  # what is wrong with the request is said now
        return JSON(StartedResponse(thread_id=running.thread_id).model_dump(), 202)
    result = await unless_gone(request, running, running.result())
    return JSON(response_of(result).model_dump())


async def _stream(request: Request, running: Running, service: Service) -> Response:
    request.state.thread_id = running.thread_id
    seconds = service.settings.heartbeat_seconds
    try:
        first = await unless_gone(request, running, running.take(seconds))
    except TimeoutError:
        first = None  # what fails from here on is told in the stream
    else:
        if first is None:
            await running.result()  # it has failed before anything happened: that is a status
    return stream_of(running, first, heartbeat_seconds=seconds)
