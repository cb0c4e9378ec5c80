"""Open servers for the length of a `with` block: their tools work within it, and nothing of them is left after it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from lumo_graph.mcp.link import Link, closed
from lumo_graph.mcp.listing import Offer
from lumo_graph.mcp.naming import name_tools
from lumo_graph.mcp.results import RawResult
from lumo_graph.mcp.room import Room
from lumo_graph.mcp.servers import Server
from lumo_graph.mcp.tools import McpTool, Send, make_tool
from lumo_graph.tools import make_toolbox

_log = logging.getLogger(__name__)


class OpenServers:
    """Servers that are open.

    Args:
        servers: which.
        taken: names that their tools cannot have.
    """

    def __init__(self, servers: Sequence[Server], taken: Collection[str]) -> None:
        self._servers = servers
        self._taken = taken
        self._links: list[Link] = []
        self._room = Room(self._leave)

    def open(self) -> "Future[list[list[Offer]]]":
        """Connect with all of them at once."""
        opening = self._room.submit(self._open())
        assert opening is not None  # noqa: S101 - the room was just made
        return opening

    def tools(self, offers: Sequence[Sequence[Offer]]) -> list[BaseTool]:
        """The tools that they offer, each under a name of its own."""
        listed = [(link, offer) for link, some in zip(self._links, offers, strict=True) for offer in some]
        names = name_tools([(link.server.name, link.server.prefix, offer.name) for link, offer in listed], self._taken)
        made = [
            make_tool(offer, name, link.server, self._sender(link))
            for (link, offer), name in zip(listed, names, strict=True)
        ]
        return [tool for tool in made if _is_usable(tool)]

    def close(self) -> None:
        """End all of them. Returns when they have ended."""
        self._room.close()

    async def _open(self) -> list[list[Offer]]:
        self._links = [Link(server) for server in self._servers]
        opening = [asyncio.create_task(link.open()) for link in self._links]
        try:
            return list(await asyncio.gather(*opening))
        finally:
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)

    async def _leave(self) -> None:
        await asyncio.gather(*(link.close() for link in self._links), return_exceptions=True)

    def _sender(self, link: Link) -> Send:
        def send(tool: str, args: Mapping[str, Any], meta: Mapping[str, Any]) -> "Future[RawResult]":
            sent = self._room.submit(link.call(tool, args, meta))
            if sent is None:
                raise closed(link.server.name)
            return sent

        return send


def _is_usable(tool: McpTool) -> bool:
    """Whether a tool can be shown to a model. It was tidied; but it is a stranger's, and must stop no agent."""
    try:
        make_toolbox([tool])
        convert_to_openai_tool(tool)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other tools are worth more
        _log.warning("The MCP tool %r cannot be used and is left out: %s", tool.name, error)
        return False
    return True


@contextmanager
def opened_servers(servers: Sequence[Server], taken: Collection[str]) -> Generator[list[BaseTool], None, None]:
    """The tools of servers, for the length of a `with` block.

    Args:
        servers: which.
        taken: names that the tools cannot have.

    Raises:
        ConfigurationError: a server does not work.
    """
    held = OpenServers(servers, taken)
    try:
        yield held.tools(held.open().result())
    finally:
        held.close()


@asynccontextmanager
async def aopened_servers(servers: Sequence[Server], taken: Collection[str]) -> AsyncGenerator[list[BaseTool], None]:
    """The same from an event loop, which is never blocked."""
    held = OpenServers(servers, taken)
    try:
        yield held.tools(await asyncio.wrap_future(held.open()))
    finally:
        await _finished(held.close)


async def _finished(work: Callable[[], None]) -> None:
    """Do work in a thread to its end, even if the caller is cancelled meanwhile."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled = False
    while not working.done():
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            cancelled = True
    working.result()
    if cancelled:
        raise asyncio.CancelledError
