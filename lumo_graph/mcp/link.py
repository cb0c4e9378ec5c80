"""A server for the length of a run: connected at its beginning, and again if it dies. On one event loop."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from mcp.shared.exceptions import McpError
from mcp.types import CallToolRequest, CallToolRequestParams, ClientRequest, RequestParams

from lumo_graph.errors import ConfigurationError
from lumo_graph.mcp.connection import Connection
from lumo_graph.mcp.listing import Offer, list_offers
from lumo_graph.mcp.results import RawResult
from lumo_graph.mcp.servers import Server
from lumo_graph.mcp.streams import EndedError

_log = logging.getLogger(__name__)

_MOST_RESTARTS = 3
"""In a row, without a call that was answered."""
_FORGOTTEN = 32600
"""What the SDK reports when an address does not know the session (any more): it has not looked at the request."""


class Link:
    """One server and its tools.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection: Connection | None = None
        self._restarting = asyncio.Lock()
        self._restarts = 0
        self._closed = False

    async def open(self) -> list[Offer]:
        """Connect, and list the tools that are wanted.

        Raises:
            ConfigurationError: the server does not start, does not answer, or has not the tools that are wanted.
        """
        connection = self._connection = Connection(self.server)
        name, seconds = self.server.name, self.server.connect_seconds
        try:
            return await asyncio.wait_for(list_offers(connection, self.server), seconds)
        except EndedError as error:
            told = str(error)
        except McpError as error:
            told = f"it answered with an error: {error.error.message}"
        except TimeoutError:
            told = f"it has not answered within {seconds:g} s"
        words = connection.last_words
        told += f". Its last words:\n{words}" if words else "."
        raise ConfigurationError(f"The MCP server {name!r} ({self.server.at}) does not work: {told}")

    async def call(self, tool: str, args: Mapping[str, Any], meta: Mapping[str, Any]) -> RawResult:
        """Call a tool. A call that may have been made is not made again.

        Raises:
            McpError: the server refuses it.
            TimeoutError, ConnectionError: it has not answered; the message is for the model.
        """
        for last in (False, True):
            connection = await self._alive()
            try:
                result = await self._call(connection, tool, args, meta)
            except McpError as error:
                if last or error.error.code != _FORGOTTEN or connection.is_program:
                    self._restarts = 0
                    raise
                await connection.close()
            else:
                self._restarts = 0
                return result
        raise AssertionError

    async def close(self) -> None:
        """End the connection. Calls that wait are told."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()

    async def _call(
        self, connection: Connection, tool: str, args: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> RawResult:
        name, seconds = self.server.name, self.server.call_seconds
        params = CallToolRequestParams(
            name=tool, arguments=dict(args), _meta=RequestParams.Meta(**meta) if meta else None
        )
        request = ClientRequest(CallToolRequest(params=params))
        try:
            return await connection.ask(lambda session: session.send_request(request, RawResult), seconds)
        except EndedError as error:
            if self._closed:
                raise closed(name) from None
            raise ConnectionError(
                f"The MCP server {name!r} has ended while it was asked to run {tool!r}, which may have run and was not "
                f"called again: {error}"
            ) from None
        except TimeoutError:
            raise TimeoutError(
                f"The MCP server {name!r} has not answered within {seconds:g} s. {tool!r} may have run all the same."
            ) from None

    async def _alive(self) -> Connection:
        """The connection, a new one if it has ended: nothing was sent by it that is not answered for."""
        async with self._restarting:
            if self._closed or self._connection is None:
                raise closed(self.server.name)
            if not self._connection.has_ended:
                return self._connection
            before = self._connection.ending()
            if self._restarts >= _MOST_RESTARTS:
                raise ConnectionError(f"The MCP server {self.server.name!r} ends again and again: {before}")
            self._restarts += 1
            _log.info("The MCP server %r has ended and is connected anew: %s", self.server.name, before)
            _log.debug("Its last words: %s", self._connection.last_words)
            return await self._restarted(self._connection)

    async def _restarted(self, before: Connection) -> Connection:
        await before.close()
        name, seconds = self.server.name, self.server.connect_seconds
        connection = self._connection = Connection(self.server)
        try:
            await connection.ready(seconds)
        except (EndedError, TimeoutError) as error:
            await connection.close()
            told = str(error) or f"it has not answered within {seconds:g} s"
            raise ConnectionError(f"The MCP server {name!r} has ended and does not come back: {told}") from None
        return connection


def closed(name: str) -> ConnectionError:
    """What is raised where a server was left: the run is over, or the `with` block."""
    return ConnectionError(f"The MCP server {name!r} is closed: its tools work within the block that opened them.")
