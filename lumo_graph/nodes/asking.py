"""One model call, as every node that makes one does it."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from lumo_graph.budgets import Spent
from lumo_graph.dialects import variables_note
from lumo_graph.models import acall_model, call_model, usage_of
from lumo_graph.nodes.routes import branch
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Counters, Update
from lumo_graph.types import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, and how long it took."""

    message: AIMessage
    seconds: float


def ask(setup: Setup, messages: Sequence[BaseMessage], config: RunnableConfig, tools: Sequence[BaseTool] = ()) -> Reply:
    """Call the model."""
    started = time.monotonic()
    message = call_model(setup.model, messages, tools=tools or None, config=config, retry=setup.retry)
    return Reply(message=message, seconds=time.monotonic() - started)


async def aask(
    setup: Setup, messages: Sequence[BaseMessage], config: RunnableConfig, tools: Sequence[BaseTool] = ()
) -> Reply:
    """Call the model from an event loop."""
    started = time.monotonic()
    message = await acall_model(setup.model, messages, tools=tools or None, config=config, retry=setup.retry)
    return Reply(message=message, seconds=time.monotonic() - started)


def code_messages(setup: Setup, state: AgentState, request: str = "") -> list[BaseMessage]:
    """What the model sees in the code-action branch: the system message, the thread, the variables that exist now.

    The request and the variables stand on the last message of the call and are never stored: the messages before it
    stay the same from call to call, so that a provider can cache them.
    """
    messages = [SystemMessage(setup.code_system_prompt(state["run"])), *state["messages"]]
    return _with_text(_with_text(messages, request), variables_note(state.get("variables", {})))


def tool_messages(setup: Setup, state: AgentState, request: str = "") -> list[BaseMessage]:
    """What the model sees in the function-call branch."""
    system = SystemMessage(setup.tool_system_prompt(state["run"]))
    messages = _with_text([system, *state["messages"]], request)
    if setup.interpreter is None or not isinstance(messages[-1], HumanMessage):
        return messages  # after a tool message the model knows, and many models take no human one there
    return _with_text(messages, variables_note(state.get("variables", {})))


def request_messages(setup: Setup, state: AgentState, request: str) -> list[BaseMessage]:
    """What the model sees, in the branch of the run, when it is asked for something other than its next action."""
    shown = code_messages if branch(state) == "generate_code" else tool_messages
    return shown(setup, state, request)


def _with_text(messages: Sequence[BaseMessage], text: str) -> list[BaseMessage]:
    """The messages with a text at their end, in the last human message if there is one: many models take no two."""
    if not text:
        return list(messages)
    last = messages[-1]
    if isinstance(last, HumanMessage) and isinstance(last.content, str):
        return [*messages[:-1], last.model_copy(update={"content": f"{last.content}\n\n{text}"})]
    return [*messages, HumanMessage(text)]


def usage_so_far(state: AgentState) -> Usage:
    """What the run's model calls have used."""
    return Usage(**state.get("usage", {}))


class Counted(TypedDict):
    """The part of an update that counts a model call."""

    usage: dict[str, Any]
    counters: Counters


def spend(state: AgentState, reply: Reply) -> Counted:
    """Count a model call."""
    usage = usage_so_far(state) + usage_of(reply.message)
    counters = state["counters"]
    return {"usage": asdict(usage), "counters": {**counters, "seconds": counters["seconds"] + reply.seconds}}


def used(state: AgentState, spent: Spent) -> Update:
    """Count what agents that were called have used; their tool calls are counted with the others."""
    return {"usage": asdict(usage_so_far(state) + spent.usage)} if spent != Spent() else {}
