"""httpx2 over httpcore2 with a network backend of ours, for which httpx2's own transports have no parameter."""

from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpcore2
import httpx2
from typing_extensions import override


class PoolTransport(httpx2.BaseTransport):
    """Sends requests through a connection pool."""

    def __init__(self, pool: httpcore2.ConnectionPool) -> None:
        self._pool = pool

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with _errors_of_httpx():
            response = self._pool.handle_request(_request(request))
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(cast("Iterable[bytes]", response.stream)),
            extensions=cast("dict[str, Any]", response.extensions),  # pyright: ignore[reportUnknownMemberType] - a bare dict there
        )

    @override
    def close(self) -> None:
        self._pool.close()


class AsyncPoolTransport(httpx2.AsyncBaseTransport):
    """Sends requests through an asynchronous connection pool."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self._pool = pool

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _errors_of_httpx():
            response = await self._pool.handle_async_request(_request(request))
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_AsyncStream(cast("AsyncIterable[bytes]", response.stream)),
            extensions=cast("dict[str, Any]", response.extensions),  # pyright: ignore[reportUnknownMemberType] - a bare dict there
        )

    @override
    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx2.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    @override
    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._stream

    @override
    def close(self) -> None:
        cast("Any", self._stream).close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for part in self._stream:
                yield part

    @override
    async def aclose(self) -> None:
        await cast("Any", self._stream).aclose()


def _request(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=cast("Any", request.stream),
        extensions=request.extensions,
    )


@contextmanager
def _errors_of_httpx() -> Generator[None]:
    """httpcore2's exceptions as those of httpx2 with the same name; all others, ours among them, pass."""
    try:
        yield
    except Exception as error:
        for kind in type(error).__mro__:
            known = getattr(httpx2, kind.__name__, None) if getattr(httpcore2, kind.__name__, None) is kind else None
            if isinstance(known, type) and issubclass(known, httpx2.TransportError):
                raise known(str(error)) from error
        raise
