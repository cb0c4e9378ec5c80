"""A run as a stream of server-sent events. The last is always `done`, whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from lumo_graph.events import Event
from lumo_graph.server.answers import told_of
from lumo_graph.server.running import Running
from lumo_graph.wire.frames import done_frame, error_frame, failed_frame, frame_of, thread_frame
from lumo_graph.wire.texts import json_text

_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # a proxy that collects the events would show them all at the end
}


def stream_of(running: Running, first: Event | None, *, heartbeat_seconds: float) -> EventSourceResponse:
    """The response that tells of a run.

    Args:
        running: the run.
        first: what has happened in it; None: nothing by now.
        heartbeat_seconds: of silence, after which a comment says that somebody is there.
    """
    return EventSourceResponse(_told(running, first, heartbeat_seconds), headers=_HEADERS)


async def _told(running: Running, first: Event | None, heartbeat_seconds: float) -> AsyncGenerator[bytes, None]:
    try:
        yield _bytes(thread_frame(running.thread_id))
        if first is not None:
            yield _bytes(frame_of(first))
        while True:
            try:
                event = await running.take(heartbeat_seconds)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if event is None:
                break
            await asyncio.sleep(0)  # so that it is heard that the client has gone, in the middle of many events
            yield _bytes(frame_of(event))
        for frame in await _last(running):
            yield _bytes(frame)
    finally:
        running.cancel()  # of a client that is gone; a run that has ended is beyond that


async def _last(running: Running) -> list[Mapping[str, Any]]:
    try:
        return [done_frame(await running.result())]
    except Exception as error:  # noqa: BLE001 - it has been reported where it was raised
        return [error_frame(told_of(error, running.thread_id)), failed_frame(running.thread_id)]


def _bytes(frame: Mapping[str, Any]) -> bytes:
    return format_sse_event(data_str=json_text(frame))
