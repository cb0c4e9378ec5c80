"""A tool of a server as a LangChain tool."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from mcp.shared.exceptions import McpError
from pydantic import PrivateAttr
from typing_extensions import override

from lumo_graph.mcp.listing import Offer
from lumo_graph.mcp.results import RawResult, unwrapped_schema, value_of
from lumo_graph.mcp.servers import Server

Send: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, Any]], "Future[RawResult]"]
"""Calls a tool: its name, its arguments, what else the server is told."""

_KEY = "idempotency_key"
META_KEY = "lumo-graph/idempotency-key"
"""Where a server finds the key of a call: in its `_meta`. A call that is made again after a crash has it again."""


class McpTool(BaseTool):
    """Calls a tool of a server that is open, from any thread and any event loop."""

    cancellable: bool = True
    """Code calls it like any function, and whoever serves the call awaits it: so it can be taken back."""
    result_schema: dict[str, Any] | None = None
    """JSON schema of what it returns."""

    _offer: Offer = PrivateAttr()
    _send: Send = PrivateAttr()

    # What LangChain hands over has a name that no parameter can have: theirs do not begin with an underscore.
    @override
    def _run(self, /, *, _config: RunnableConfig, **arguments: Any) -> Any:
        sent = self._sent(arguments, _config)
        try:
            return self._value(sent.result)
        except concurrent.futures.CancelledError:
            raise _left(self.name) from None
        except BaseException:
            sent.cancel()
            raise

    @override
    async def _arun(self, /, *, _config: RunnableConfig, **arguments: Any) -> Any:
        sent = asyncio.wrap_future(self._sent(arguments, _config))
        try:
            await asyncio.wait({sent})  # nothing of it is raised before a cancellation of our own
        except asyncio.CancelledError:
            sent.cancel()
            raise
        if sent.cancelled():
            raise _left(self.name)
        return self._value(sent.result)

    def _sent(self, arguments: Mapping[str, Any], config: RunnableConfig | None) -> "Future[RawResult]":
        names = self._offer.parameters.names
        key = ((config or {}).get("configurable") or {}).get(_KEY)
        meta = {META_KEY: key} if isinstance(key, str) else {}
        return self._send(self._offer.name, {names.get(name, name): one for name, one in arguments.items()}, meta)

    def _value(self, result: Callable[[], RawResult]) -> Any:
        try:
            return value_of(result(), self._offer.result)
        except McpError as error:
            raise ToolException(error.error.message) from None


def make_tool(offer: Offer, name: str, server: Server, send: Send) -> McpTool:
    """The tool that an offer is, under a name.

    Args:
        offer: what the server offers.
        name: what it is called here.
        server: of which it is.
        send: how it is called.
    """
    made = McpTool(
        name=name,
        description=offer.description,
        args_schema=offer.parameters.schema,
        # Whatever the server says of its effects are hints of a stranger: what counts is what its user says.
        metadata={"effects": server.effects, "on_unknown": server.on_unknown},
        result_schema=None if (schema := unwrapped_schema(offer.result)) is None else dict(schema),
    )
    made._offer, made._send = offer, send  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - pydantic's private attributes
    return made


def _left(name: str) -> ConnectionError:
    return ConnectionError(f"The call of {name} was given up: its MCP server is closed.")
