"""Ask for the next code action: one model call of the code-action branch."""

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import Action, Dialect, RunCode, action_to_dict, read_reply, read_thought
from lumo_graph.nodes.asking import Reply, aask, ask, code_messages, spend
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update


class GenerateCode:
    """Calls the model and parses its reply into an action."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Ask."""
        return self._update(state, ask(self._setup, code_messages(self._setup, state), config))

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Ask, from an event loop."""
        await self._setup.write_prompt(state["run"])
        return self._update(state, await aask(self._setup, code_messages(self._setup, state), config))

    def _update(self, state: AgentState, reply: Reply) -> Update:
        dialect = self._setup.dialect_of(state["run"])
        action = read_reply(dialect, reply.message, self._setup.toolbox.specs)
        spent = spend(state, reply)
        spent["counters"]["steps"] += 1
        return {
            **spent,
            "messages": [as_text(reply.message, action, dialect)],
            "action": action_to_dict(action),
            "execution": None,
        }


def as_text(reply: AIMessage, action: Action, dialect: Dialect) -> AIMessage:
    """The reply as the thread keeps it: plain text, never empty, without native tool calls.

    In this branch no tools are bound, and providers refuse a conversation with tool calls that have no tool message.
    A native call is kept as the code it stands for.
    """
    native = reply.tool_calls or reply.invalid_tool_calls
    if not native and str(reply.text).strip():
        return reply
    parts = [read_thought(dialect, reply)]
    if isinstance(action, RunCode):
        parts.append(f"```python\n{action.code.strip()}\n```")
    text = "\n".join(part for part in parts if part)
    return AIMessage(
        text or "(empty reply)",
        id=reply.id,
        usage_metadata=reply.usage_metadata,
        response_metadata=reply.response_metadata,
    )
