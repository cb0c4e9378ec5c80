"""A server at an address: messages over streamable HTTP, none of them larger than it may be."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httpx
from mcp.client.streamable_http import streamable_http_client
from typing_extensions import override

from lumo_graph.mcp.servers import Address
from lumo_graph.mcp.streams import MAX_MESSAGE_BYTES, EndedError, Streams, too_large

# Without a handler of the application's, what the SDK logs of a server's words would be printed on its terminal.
logging.getLogger("mcp").addHandler(logging.NullHandler())

_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END = 5  # of these, or of the beginning of an id


@asynccontextmanager
async def reached(address: Address, *, connect_seconds: float, read_seconds: float) -> AsyncGenerator[Streams, None]:
    """Speak with a server that is there already.

    Args:
        address: where it is.
        connect_seconds: the longest that a connection may take.
        read_seconds: the longest silence while it answers.
    """
    failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def watch(response: httpx.Response) -> None:
        _watch(response, failure)

    client = httpx.AsyncClient(
        headers={**address.headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(connect_seconds, read=read_seconds),
        event_hooks={"response": [watch]},
    )
    async with (
        client,
        streamable_http_client(address.url, http_client=client) as (read, write, _),
        asyncio.TaskGroup() as group,
    ):
        watching = group.create_task(_raised(failure))
        try:
            yield read, write
        finally:
            watching.cancel()
            read.close()
            write.close()


async def _raised(failure: "asyncio.Future[None]") -> None:
    await failure


def _watch(response: httpx.Response, failure: "asyncio.Future[None]") -> None:
    """Take no answer that grows as it is read, and none that is too large, and see it end without an answer."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise EndedError("it sends compressed what was asked for as it is")
    inner = cast("httpx.AsyncByteStream", response.stream)
    if not response.headers.get("Content-Type", "").lower().startswith("text/event-stream"):
        response.stream = _Bounded(inner)
    else:
        response.stream = _Events(inner, failure if response.request.method == "POST" else None)


class _Bounded(httpx.AsyncByteStream):
    """The bytes of an answer, if they are not too many."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            if (size := size + len(part)) > MAX_MESSAGE_BYTES:
                raise EndedError(too_large())
            yield part

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


class _Events(httpx.AsyncByteStream):
    """The bytes of an answer that is a stream of events, each of them a message.

    The SDK reads until the answer is there. If the bytes end before, it waits for more of them where it can ask for
    more, and else for ever: it does not say that there will be no answer.

    Args:
        inner: the bytes.
        failure: is told if there will be no answer; None if nobody waits for one.
    """

    def __init__(self, inner: httpx.AsyncByteStream, failure: "asyncio.Future[None] | None") -> None:
        self._inner = inner
        self._failure = failure

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, tail, resumable = 0, b"\n", False
        try:
            async for part in self._inner:
                seen = tail + part
                if any(end in seen for end in _EVENT_ENDS):
                    size = 0
                resumable = resumable or b"\nid:" in seen
                tail = seen[-_LONGEST_END + 1 :]
                if (size := size + len(part)) > MAX_MESSAGE_BYTES:
                    self._fail(too_large())
                    return
                yield part
        except httpx.HTTPError as error:
            if not resumable:
                self._fail(f"it has closed the connection: {type(error).__name__}")
            raise
        if not resumable:
            self._fail("it has closed the connection")

    def _fail(self, how: str) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(EndedError(how))

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()
