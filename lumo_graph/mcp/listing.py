"""The tools that a server offers, one by one: one that cannot be read keeps no other from being used."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mcp.types import ClientRequest, ListToolsRequest, PaginatedRequestParams
from pydantic import BaseModel

from lumo_graph.errors import ConfigurationError
from lumo_graph.mcp.connection import Ask, Connection
from lumo_graph.mcp.servers import Server
from lumo_graph.mcp.tidying import Tidied, tidy_parameters, tidy_result, tidy_text

_log = logging.getLogger(__name__)

MOST_TOOLS = 1_000
_MOST_PAGES = 100
_LONGEST_NAME = 200
_ALL_DESCRIPTIONS = 400_000
"""Characters of all of them together."""
_LEAST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool as its server describes it."""

    name: str
    """What the server calls it."""
    description: str
    parameters: Tidied
    result: dict[str, Any] | None = field(default=None)
    """JSON schema of its structured result."""


class _Page(BaseModel):
    tools: Any = None
    nextCursor: Any = None  # noqa: N815 - the protocol's name


async def list_offers(connection: Connection, server: Server) -> list[Offer]:
    """The tools that are wanted of a server.

    Raises:
        ConfigurationError: it has too many, or not one that is wanted.
        EndedError, McpError: as `Connection.ask`.
    """
    listed = await _all(connection, server)
    named: dict[str, Mapping[str, Any]] = {}
    for tool in listed:
        name = tool.get("name")
        if isinstance(name, str) and name.strip() and len(name) <= _LONGEST_NAME and name not in named:
            named[name] = tool
        else:
            _log.warning("The MCP server %r lists a tool that cannot be called: its name is %.80r.", server.name, name)
    wanted = _wanted(named, server)
    limit = max(_LEAST_DESCRIPTION, _ALL_DESCRIPTIONS // max(1, len(wanted)))
    return [_offer(name, tool, limit) for name, tool in wanted.items()]


async def _all(connection: Connection, server: Server) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    request = ClientRequest(ListToolsRequest())
    for _ in range(_MOST_PAGES):
        page = await connection.ask(_sending(request), server.connect_seconds)
        found += [cast("Mapping[str, Any]", tool) for tool in _listed(page.tools) if isinstance(tool, Mapping)]
        if len(found) > MOST_TOOLS and server.tools is None:
            raise ConfigurationError(
                f"The MCP server {server.name!r} has more than {MOST_TOOLS:,} tools, which no model can choose from. "
                f"Name those to take: 'tools': [...]."
            )
        if not isinstance(page.nextCursor, str) or not page.nextCursor:
            break
        request = ClientRequest(ListToolsRequest(params=PaginatedRequestParams(cursor=page.nextCursor)))
    return found


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _sending(request: ClientRequest) -> Ask[_Page]:
    return lambda session: session.send_request(request, _Page)


def _wanted(named: Mapping[str, Mapping[str, Any]], server: Server) -> Mapping[str, Mapping[str, Any]]:
    if server.tools is None:
        return named
    for name in server.tools:
        if name not in named:
            known = tidy_text(", ".join(named), 2_000) or "none"
            raise ConfigurationError(f"The MCP server {server.name!r} has no tool {name!r}. It has: {known}.")
    return {name: named[name] for name in server.tools}


def _offer(name: str, tool: Mapping[str, Any], limit: int) -> Offer:
    return Offer(
        name=name,
        description=tidy_text(tool.get("description") or tool.get("title"), min(limit, 4_000)),
        parameters=tidy_parameters(tool.get("inputSchema")),
        result=tidy_result(tool.get("outputSchema")),
    )
