"""One connection to a server, from its first message to its last. Everything here runs on one event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Generic, TypeAlias, TypeVar, cast

import anyio
from mcp import ClientSession
from mcp.shared.exceptions import McpError
from mcp.shared.message import SessionMessage
from mcp.types import (
    CONNECTION_CLOSED,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    Implementation,
)

from lumo_graph.mcp.address import reached
from lumo_graph.mcp.endings import how_it_ended
from lumo_graph.mcp.hearing import hear
from lumo_graph.mcp.program import started
from lumo_graph.mcp.servers import Address, Program, Server
from lumo_graph.mcp.streams import ClosedError, EndedError, Streams
from lumo_graph.mcp.words import LastWords

T = TypeVar("T")
Ask: TypeAlias = Callable[[ClientSession], Coroutine[Any, Any, T]]

_CLIENT = Implementation(name="lumo-graph", version="1")
_CLOSE_SECONDS = 3.0
_NOTICE_SECONDS = 1.0
_SPARE_SECONDS = 30.0
"""After what a call may take: its own limit ends it first."""


class Connection:
    """A server that was started or reached, and asks to be closed.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._words = LastWords(server.at.secrets)
        self._leave = asyncio.Event()
        self._session: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._notices: set[asyncio.Task[None]] = set()
        self._keeper = asyncio.create_task(self._keep())

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._keeper.done()

    @property
    def is_program(self) -> bool:
        """Whether it is a process that was started for it."""
        return isinstance(self._server.at, Program)

    async def ready(self, seconds: float) -> None:
        """Wait until the server has said that it is there.

        Raises:
            EndedError: it has ended before.
            TimeoutError: it has not said so in time.
        """
        await self.ask(_nothing, seconds)

    async def ask(self, ask: Ask[T], seconds: float) -> T:
        """Ask the server something.

        Args:
            ask: sends the request.
            seconds: the longest to wait.

        Raises:
            EndedError: the server has ended, before it answered or long ago.
            TimeoutError: it has not answered in time; it is told that nobody waits any more.
            McpError: it has answered with an error.
        """
        request = _Request(ask)
        work = asyncio.create_task(request.make(self._session))
        try:
            await asyncio.wait({work, self._keeper}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if self._keeper.done():
                raise self.ending()
            raise TimeoutError
        except McpError as error:
            if error.error.code != CONNECTION_CLOSED:
                raise
            await asyncio.wait({self._keeper}, timeout=_CLOSE_SECONDS)
            raise self.ending() from None
        finally:
            if not work.done():
                work.cancel()
                self._forget(request)

    def ending(self) -> EndedError:
        """How it has ended."""
        error: BaseException = ClosedError("it has closed the connection")
        if self._keeper.done() and not self._keeper.cancelled():
            error = self._keeper.exception() or error
        return EndedError(self._words.without_secrets(how_it_ended(error)))

    @property
    def last_words(self) -> str:
        """What it has said beside the protocol."""
        return self._words.text()

    async def close(self) -> None:
        """End the connection, and with it a server that was started for it."""
        self._leave.set()
        try:
            await asyncio.wait({self._keeper}, timeout=_CLOSE_SECONDS)
        finally:
            for task in (self._keeper, *self._notices):
                task.cancel()
            await asyncio.wait({self._keeper})
            if not self._keeper.cancelled():
                self._keeper.exception()  # seen: who asks hears of it, nobody else
            self._session.cancel()

    async def _keep(self) -> None:
        """Live with the server until one of the two leaves."""
        heard, meant = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        try:
            async with self._streams() as (read, write), asyncio.TaskGroup() as group:
                listener = group.create_task(hear(self._server.name, read, heard, write))
                async with ClientSession(meant, write, client_info=_CLIENT) as session:
                    await session.initialize()
                    self._session.set_result(session)
                    await self._leave.wait()
                listener.cancel()
        finally:
            heard.close()
            meant.close()

    def _streams(self) -> AbstractAsyncContextManager[Streams]:
        at = self._server.at
        if isinstance(at, Address):
            longest = max(self._server.connect_seconds, self._server.call_seconds) + _SPARE_SECONDS
            return reached(at, connect_seconds=self._server.connect_seconds, read_seconds=longest)
        return started(at, self._words)

    def _forget(self, request: "_Request[Any]") -> None:
        """Tell the server that nobody waits for its answer, without waiting for it to hear that."""
        if request.number is not None and not self._keeper.done():
            notice = asyncio.create_task(_tell(self._session.result(), request.number))
            self._notices.add(notice)
            notice.add_done_callback(self._notices.discard)


class _Request(Generic[T]):
    """One request, and the number that the session gives it."""

    def __init__(self, ask: Ask[T]) -> None:
        self._ask = ask
        self.number: int | None = None

    async def make(self, session: "asyncio.Future[ClientSession]") -> T:
        ready = await asyncio.shield(session)
        # Nothing runs between this and the session's taking the number; without it a server is told nothing.
        self.number = cast("int | None", getattr(ready, "_request_id", None))
        return await self._ask(ready)


async def _tell(session: ClientSession, number: int) -> None:
    gone = CancelledNotification(params=CancelledNotificationParams(requestId=number, reason="Nobody waits any more."))
    with suppress(TimeoutError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        await asyncio.wait_for(session.send_notification(ClientNotification(gone)), _NOTICE_SECONDS)


async def _nothing(_: ClientSession) -> None:
    """What is asked of a server that need only be there."""
