"""The server as a process: on a port of its own, until a signal ends it in good order."""

import asyncio
import socket
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import uvicorn
from typing_extensions import override

from lumo_graph.draining import GRACE_SECONDS, drain_on_signals
from lumo_graph.errors import ConfigurationError
from lumo_graph.server.app import create_app
from lumo_graph.server.protocol import protocol_with
from lumo_graph.server.service import opened_service
from lumo_graph.server.settings import Settings

_PATIENCE = 15
"""Seconds beyond the grace of a drain, for the answers to be read."""
_KEEP_ALIVE_SECONDS = 15
_MOST_CONNECTIONS = 1000
"""At once, beyond those of runs: what comes then is told so by the server itself (503)."""
_THREADS_A_RUN = 4


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    grace_seconds: float = GRACE_SECONDS,
    on_ready: Callable[[str], object] = lambda _: None,
    on_drain: Callable[[], object] = lambda: None,
) -> None:
    """Serve until a signal comes, and let the runs end in good order then. Works in the main thread only.

    Args:
        settings: what the operator decides.
        host: to listen on.
        port: to listen on; 0: any that is free.
        grace_seconds: what the runs have to come to the end of a step, when a signal comes.
        on_ready: is told the address, once clients may come.
        on_drain: is told of the signal, in another thread.

    Raises:
        ConfigurationError: something cannot be used as given; nothing was served.
    """
    app = create_app(settings)
    asyncio.run(_check(settings))
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="on",
            http=protocol_with(settings.body_seconds),
            loop="asyncio",
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=round(grace_seconds) + _PATIENCE,
            limit_concurrency=_MOST_CONNECTIONS + settings.concurrency + settings.queue,
        )
        server = _Server(config, lambda: on_ready(_address(host, listener)), settings.concurrency * _THREADS_A_RUN)

        def end() -> None:
            on_drain()
            server.should_exit = True

        with drain_on_signals(grace_seconds=grace_seconds, on_request=end):
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Leaves signals to the drain, and says when clients may come."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object], threads: int) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._threads = threads

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Tools that block have a thread each: the few of the default would make runs wait for one another.
        pool = ThreadPoolExecutor(max(self._threads, 32), thread_name_prefix="lumo-serve")
        asyncio.get_running_loop().set_default_executor(pool)
        await super().startup(sockets)
        self._on_ready()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _check(settings: Settings) -> None:
    """Raise what would be raised when the app starts, where it can be said in one line."""
    async with opened_service(settings, chores=False):
        pass


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConfigurationError(f"There is no host {host!r} to listen on: {_reason(error)}.") from error
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.setblocking(False)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on: {_reason(error)}. Another port: --port 8081."
            ) from error
        yield listener


def _reason(error: Any) -> str:
    return str(getattr(error, "strerror", None) or error)


def _address(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
