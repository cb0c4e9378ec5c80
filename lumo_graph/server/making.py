"""From what a client asks to a model, tools and options: only what the operator offers, and no key for a stranger."""

import asyncio
from collections.abc import Mapping

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.mcp import check_mcp_servers
from lumo_graph.models.addressed import addressed_model
from lumo_graph.models.providers import Clients
from lumo_graph.offering import offered_tools
from lumo_graph.options import AgentOptions
from lumo_graph.server.settings import Settings
from lumo_graph.tools import make_toolbox
from lumo_graph.web.public import check_url
from lumo_graph.wire.conversation import MCPServer
from lumo_graph.wire.options import Asked, rules_for
from lumo_graph.wire.requests import RunRequest


class Maker:
    """Makes the parts of agents.

    Args:
        settings: the operator's.
        clients: what models are asked through.

    Raises:
        ConfigurationError: a tool or an MCP server of the operator's is none.
    """

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients
        check_mcp_servers(dict(settings.mcp_servers))
        self._tools: Mapping[str, BaseTool] = make_toolbox(settings.tools).tools
        self._executor = settings.executor or ProcessExecutor()

    def asked_by(self, request: RunRequest) -> Asked:
        """What makes the agent of a request, in a form that can be stored.

        Raises:
            ConfigurationError: it names a tool or a server that is not offered.
        """
        return Asked(
            model=request.model,
            base_url=request.base_url,
            tools=tuple(request.tools or ()),
            mcp_servers=tuple(self._server_name(given) for given in request.mcp_servers or ()),
            max_results=request.max_results,
            system_prompt=request.system_prompt,
            planning_interval=request.planning_interval,
        )

    async def model(self, asked: Asked) -> BaseChatModel:
        """The model.

        Raises:
            ConfigurationError: it cannot be used as it is named.
            AddressError: it is where requests may not reach.
        """
        made = addressed_model(asked.model, asked.base_url, keys=self._settings.provider_keys, clients=self._clients)
        # Said now, and not after the retries of a run. The clients look again, at every connection.
        allow_private = self._settings.allow_private_base_urls
        await asyncio.to_thread(check_url, asked.base_url.strip(), allow_private=allow_private)
        return made

    def options(self, asked: Asked) -> AgentOptions:
        """The rest of the agent.

        Raises:
            ConfigurationError: a tool is not offered, or its key is missing.
        """
        settings = self._settings
        tools = offered_tools(asked.tools, self._tools, environ=settings.tool_keys, max_results=asked.max_results)
        rules = rules_for(settings.interrupt_on, (tool.name for tool in tools))
        return {
            "tools": tools,
            "mcp_servers": {name: settings.mcp_servers[name] for name in asked.mcp_servers} or None,
            "executor": self._executor,
            "system_prompt": asked.system_prompt,
            "planning_interval": asked.planning_interval,
            "interrupt_on": rules,
        }

    def _server_name(self, given: str | MCPServer) -> str:
        known = self._settings.mcp_servers
        if isinstance(given, str):
            if given in known:
                return given
            shown = repr(given)
        else:
            for name, server in known.items():
                if (given.command, given.args) == (server.get("command"), list(server.get("args", ()))):
                    return name
            shown = repr(given.command)
        offered = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(
            f"The MCP server {shown} is not offered here: requests start no processes of their own. "
            f"The operator has named: {offered}."
        )
