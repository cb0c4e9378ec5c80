"""The HTTP clients that models are asked through: they reach public addresses only, unless the operator says more."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2

from lumo_graph.models.providers import Clients
from lumo_graph.web.public import public_async_client, public_client

_TIMEOUT = httpx2.Timeout(600.0, connect=10.0)


@asynccontextmanager
async def model_clients(*, allow_private: bool, connections: int) -> AsyncGenerator[Clients, None]:
    """Clients for the length of a `with` block.

    Redirects are not followed: no API of a model needs one, and a key would go along.

    Args:
        allow_private: models may be on this machine and in its network.
        connections: at once.
    """
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=0)
    with public_client(allow_private=allow_private, timeout=_TIMEOUT, limits=limits) as sync:
        async with public_async_client(allow_private=allow_private, timeout=_TIMEOUT, limits=limits) as for_loop:
            yield Clients(sync=sync, for_loop=for_loop)
