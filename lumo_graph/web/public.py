"""HTTP clients that reach public addresses only."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import httpcore2
import httpx2

from lumo_graph.errors import AddressError, ConfigurationError
from lumo_graph.web.backends import AsyncPublicBackend, PublicBackend
from lumo_graph.web.resolving import Resolve, Resolver, look_up
from lumo_graph.web.transports import AsyncPoolTransport, PoolTransport

_WAYS_AROUND = ("mounts", "proxy", "transport")


def public_client(
    *,
    allow_private: bool = False,
    resolve: Resolve = look_up,
    network: httpcore2.NetworkBackend | None = None,
    **options: Any,
) -> httpx2.Client:
    """An HTTP client that refuses every address that is not public, at every connection and so at every redirect.

    A name is looked up once for a connection. If one of its addresses is not public the request fails, else the
    connection is made to an address that was checked; TLS and the `Host` header keep the name. Proxies and passwords
    in the environment are not used.

    Args:
        allow_private: this machine and private networks may be reached as well. Link-local and multicast addresses and
            a cloud's metadata service never are.
        resolve: looks up the addresses of a host; the system's own way if not given.
        network: connects to a checked address; plain sockets if not given.
        **options: of `httpx2.Client`, apart from `mounts`, `proxy` and `transport`.

    Returns:
        The client. Its requests raise `AddressError` for an address that is refused.

    Raises:
        ConfigurationError: an option would lead around the check.
    """
    backend = PublicBackend(Resolver(allow_private=allow_private, resolve=resolve), network or httpcore2.SyncBackend())
    pool = httpcore2.ConnectionPool(network_backend=backend, **_pool_options(options))
    return httpx2.Client(transport=PoolTransport(pool), trust_env=False, **_client_options(options))


def public_async_client(
    *,
    allow_private: bool = False,
    resolve: Resolve = look_up,
    network: httpcore2.AsyncNetworkBackend | None = None,
    **options: Any,
) -> httpx2.AsyncClient:
    """Like `public_client`, for asynchronous code on asyncio.

    Args:
        allow_private: this machine and private networks may be reached as well.
        resolve: looks up the addresses of a host, in a thread.
        network: connects to a checked address.
        **options: of `httpx2.AsyncClient`, apart from `mounts`, `proxy` and `transport`.

    Raises:
        ConfigurationError: an option would lead around the check.
    """
    backend = AsyncPublicBackend(
        Resolver(allow_private=allow_private, resolve=resolve),
        network or cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend()),
    )
    pool = httpcore2.AsyncConnectionPool(network_backend=backend, **_pool_options(options))
    return httpx2.AsyncClient(transport=AsyncPoolTransport(pool), trust_env=False, **_client_options(options))


def check_url(url: str, *, allow_private: bool = False, resolve: Resolve = look_up, seconds: float = 5.0) -> None:
    """Refuse a URL that a client of this module would refuse, before any work is done with it.

    A host that cannot be resolved now is not refused. Requests still need `public_client`: the next lookup may differ.

    Args:
        url: an http or https URL.
        allow_private: this machine and private networks may be reached as well.
        resolve: looks up the addresses of a host.
        seconds: how long to wait for the lookup.

    Raises:
        AddressError: the host has an address that may not be connected to, or it is no http or https URL.
    """
    host, port = _host_of(url)
    with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
        Resolver(allow_private=allow_private, resolve=resolve).addresses(host, port, seconds)


async def acheck_url(
    url: str, *, allow_private: bool = False, resolve: Resolve = look_up, seconds: float = 5.0
) -> None:
    """Like `check_url`, without blocking the event loop."""
    host, port = _host_of(url)
    with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
        await Resolver(allow_private=allow_private, resolve=resolve).aaddresses(host, port, seconds)


def _host_of(url: str) -> tuple[str, int]:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise AddressError(f"This is no URL: {error}. Write it as 'https://host/path'.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise AddressError(f"{parsed.scheme}://{parsed.host} is not an http or https URL. Write 'https://host/path'.")
    return parsed.raw_host.decode("ascii"), parsed.port or (443 if parsed.scheme == "https" else 80)


_FOR_THE_POOL = ("verify", "cert", "http1", "http2", "limits", "trust_env")


def _pool_options(options: Mapping[str, Any]) -> dict[str, Any]:
    for name in _WAYS_AROUND:
        if options.get(name) is not None:
            raise ConfigurationError(f"{name!r} would lead around the check of addresses. Leave it out.")
    limits = options.get("limits") or httpx2.Limits(max_connections=100, max_keepalive_connections=20)
    return {
        "ssl_context": _ssl_context(options),
        "http1": options.get("http1", True),
        "http2": options.get("http2", False),
        "max_connections": limits.max_connections,
        "max_keepalive_connections": limits.max_keepalive_connections,
        "keepalive_expiry": limits.keepalive_expiry,
    }


def _client_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in (*_FOR_THE_POOL, *_WAYS_AROUND)}


def _ssl_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    # What the machine trusts is for its operator to say: SSL_CERT_FILE counts, unlike proxies.
    return httpx2.create_ssl_context(verify=options.get("verify", True), cert=options.get("cert"))
