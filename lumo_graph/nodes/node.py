"""A node with a sync and an async form."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from typing_extensions import override

from lumo_graph.nodes.setup import Setup, ends_with_run, session_key
from lumo_graph.state import AgentState, Update


class Node(Runnable[AgentState, Update]):
    """What LangGraph runs: one of two functions of the state and the config.

    LangChain's RunnableLambda does the same, but it keeps what it has inspected in a cache of the process, and with it
    the agents and the live sessions of its nodes.
    """

    def __init__(
        self,
        setup: Setup,
        run: Callable[[AgentState, RunnableConfig], Update],
        arun: Callable[[AgentState, RunnableConfig], Awaitable[Update]],
    ) -> None:
        self._setup = setup
        self._run = run
        self._arun = arun

    @override
    def invoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        config = ensure_config(config)
        try:
            update = self._run(input, config)
            self._setup.stopping.check(update)
        except BaseException:
            self._release(input, config)
            raise
        return update

    @override
    async def ainvoke(self, input: AgentState, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        config = ensure_config(config)
        try:
            async with self._setup.stopping.cancellable():
                update = await self._arun(input, config)
            self._setup.stopping.check(update)
        except BaseException:
            self._release(input, config)
            raise
        return update

    def _release(self, state: AgentState, config: RunnableConfig) -> None:
        """End the session of a run that has failed and that nobody can come back to."""
        # Input that is refused has not become a run: there is no session yet.
        if state.get("run") and ends_with_run(state, config):
            self._setup.sessions.close(session_key(state, config))
