"""A node with a sync and an async form."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from typing_extensions import override

from lumo_graph.state import AgentState, Update


class Node(Runnable[AgentState, Update]):
    """What LangGraph runs: one of two functions of the state and the config.

    LangChain's RunnableLambda does the same, but it keeps what it has inspected in a cache of the process, and with it
    the agents and the live sessions of its nodes.
    """

    def __init__(
        self,
        run: Callable[[AgentState, RunnableConfig], Update],
        arun: Callable[[AgentState, RunnableConfig], Awaitable[Update]],
    ) -> None:
        self._run = run
        self._arun = arun

    @override
    def invoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        return self._run(input, ensure_config(config))

    @override
    async def ainvoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        return await self._arun(input, ensure_config(config))
