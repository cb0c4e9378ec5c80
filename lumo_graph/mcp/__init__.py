"""MCP servers: their tools for agents of one's own. `run` and its kin take `mcp_servers=`.

with open_mcp_tools([{"command": "uvx", "args": ["mcp-server-time"]}]) as tools:
    agent = create_lumo_agent(model, tools=tools)
    ...
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError
from lumo_graph.mcp.servers import McpServer, McpServers, Server, check_servers
from lumo_graph.tools.functions import name_of

__all__ = ["McpServer", "McpServers", "aopen_mcp_tools", "check_mcp_servers", "open_mcp_tools"]

_EXTRA = ("anyio", "httpx", "mcp")

Tools: TypeAlias = Sequence[BaseTool | Callable[..., Any]]


@contextmanager
def open_mcp_tools(servers: McpServers | None, *, beside: Tools = ()) -> Generator[list[BaseTool], None, None]:
    """Start servers, or connect with them, and have their tools for the length of a `with` block.

    The tools work from any thread and any event loop, in `run` as in a graph of one's own, until the block ends. Then
    every process that was started for them ends.

    Args:
        servers: a list of servers, or a mapping of names to them; see `McpServer` for what each takes.
        beside: the tools that they are used with: none of them gets a name that one of those has.

    Raises:
        ConfigurationError: a server is not described as it must be, or does not work: with its exit code and its last
            words.
    """
    checked = check_mcp_servers(servers)
    if not checked:
        yield []
        return
    with _opening().opened_servers(checked, _names(beside)) as tools:
        yield tools


@asynccontextmanager
async def aopen_mcp_tools(servers: McpServers | None, *, beside: Tools = ()) -> AsyncGenerator[list[BaseTool], None]:
    """`open_mcp_tools` from an event loop."""
    checked = check_mcp_servers(servers)
    if not checked:
        yield []
        return
    async with _opening().aopened_servers(checked, _names(beside)) as tools:
        yield tools


def check_mcp_servers(servers: object) -> tuple[Server, ...]:
    """What `open_mcp_tools` checks before it starts anything.

    Raises:
        ConfigurationError: a server is not described as it must be.
    """
    found = () if servers is None else check_servers(servers)
    if found:
        _opening()
    return found


def _opening() -> ModuleType:
    """What opens them, loaded only when there is one to open."""
    try:
        return import_module("lumo_graph.mcp.opening")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ConfigurationError(f"MCP servers need {error.name!r}: pip install 'lumo-graph[mcp]'") from None


def _names(tools: Tools) -> set[str]:
    found: set[str] = set()
    for tool in tools:
        with suppress(ConfigurationError):  # whoever takes them says what is wrong with them
            found.add(tool.name if isinstance(tool, BaseTool) else name_of(tool))
    return found
