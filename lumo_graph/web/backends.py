"""What opens connections: to checked addresses only, and to these themselves, so that no second lookup can differ."""

import time
from collections.abc import Iterable

import httpcore2
from typing_extensions import override

from lumo_graph.errors import AddressError
from lumo_graph.web.resolving import Resolver


class PublicBackend(httpcore2.NetworkBackend):
    """Connects to what a resolver lets through, for synchronous clients.

    Args:
        resolver: looks names up and checks their addresses.
        network: connects to an address.
    """

    def __init__(self, resolver: Resolver, network: httpcore2.NetworkBackend) -> None:
        self._resolver = resolver
        self._network = network

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        ends = None if timeout is None else time.monotonic() + timeout
        addresses = self._resolver.addresses(host, port, timeout)
        failure: Exception = httpcore2.ConnectTimeout(f"Connecting to {host!r} took too long.")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return self._network.connect_tcp(address, port, _share(ends, left), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    @override
    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        raise _not_public(path)


class AsyncPublicBackend(httpcore2.AsyncNetworkBackend):
    """Like `PublicBackend`, for asynchronous clients."""

    def __init__(self, resolver: Resolver, network: httpcore2.AsyncNetworkBackend) -> None:
        self._resolver = resolver
        self._network = network

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        ends = None if timeout is None else time.monotonic() + timeout
        addresses = await self._resolver.aaddresses(host, port, timeout)
        failure: Exception = httpcore2.ConnectTimeout(f"Connecting to {host!r} took too long.")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return await self._network.connect_tcp(address, port, _share(ends, left), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise _not_public(path)

    @override
    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def _share(ends: float | None, left: int) -> float | None:
    """Seconds for the next of `left` addresses, so that one that never answers leaves time for the others."""
    return None if ends is None else max(0.001, (ends - time.monotonic()) / left)


def _not_public(path: str) -> AddressError:
    return AddressError(f"{path!r} is a socket of this machine, not a public address: it may not be connected to.")
