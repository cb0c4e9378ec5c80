"""Ask for the next tool calls: one model call of the function-call branch."""

from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import action_to_dict, parse_tool_reply
from lumo_graph.nodes.asking import Reply, aask, ask, spend, tool_messages
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update


class CallModel:
    """Calls the model with the tools bound to it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Ask."""
        messages = tool_messages(self._setup, state)
        return self._update(state, ask(self._setup, messages, config, self._setup.bound_tools))

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Ask, from an event loop."""
        await self._setup.write_prompt(state["run"])
        messages = tool_messages(self._setup, state)
        return self._update(state, await aask(self._setup, messages, config, self._setup.bound_tools))

    def _update(self, state: AgentState, reply: Reply) -> Update:
        spent = spend(state, reply)
        spent["counters"]["steps"] += 1
        message = reply.message
        if not (message.tool_calls or message.invalid_tool_calls or str(message.text).strip()):
            message = message.model_copy(update={"content": "(empty reply)"})
        return {
            **spent,
            "messages": [message],
            "action": action_to_dict(parse_tool_reply(reply.message, interpreter=self._setup.interpreter is not None)),
            "results": None,
            "execution": None,
        }
