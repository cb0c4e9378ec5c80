"""Agents that an agent calls: as a function in its code, or by function calling, always `name(task)`."""

import hashlib
import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.types import Interrupt
from pydantic import BaseModel, Field

from lumo_graph.budgets import AGENT_NAME, SPEND, Spent
from lumo_graph.errors import ConfigurationError
from lumo_graph.lumo_agent import LumoAgent
from lumo_graph.models import usage_of
from lumo_graph.nodes.leaving import caller_of
from lumo_graph.nodes.scratchpad import SCRATCHPAD
from lumo_graph.tools import AGENT, IDEMPOTENCY_KEY
from lumo_graph.types import Usage


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that another one may call.

    It works on a task of its own: with its own model, tools, variables and limits, in a namespace of its own in the
    caller's thread. It goes on there after a crash, and a person whom it asks is asked by the caller's run. What it
    uses counts for the caller, and it may use what the caller has left; the time it takes does not count as time of
    the caller's action.

    Args:
        name: by which it is called, a Python name.
        description: what it does, for the model that calls it.
        graph: an agent of `create_lumo_agent`, or any compiled state graph with `messages`. Give it no checkpointer:
            it has its caller's.
    """

    name: str
    description: str
    graph: CompiledStateGraph[Any, Any, Any, Any]


class Task(BaseModel):
    """Arguments of an agent that is called."""

    task: str = Field(description="What to do, with everything that must be known for it: nothing else is seen.")


class AgentTool(BaseTool):
    """An agent as a tool."""

    args_schema: Any = Task
    graph: Any = Field(exclude=True, repr=False)

    def _run(self, task: str, config: RunnableConfig) -> Any:
        values = self.graph.invoke(self._input(task), _below(config, self.name), control=caller_of(config))
        return self._answer(values, config)

    async def _arun(self, task: str, config: RunnableConfig) -> Any:
        values = await self.graph.ainvoke(self._input(task), _below(config, self.name), control=caller_of(config))
        return self._answer(values, config)

    def _input(self, task: str) -> dict[str, Any]:
        if not task.strip():
            raise ToolException(
                f"The task of {self.name} is empty. Say what to do, with everything it must know for it."
            )
        return {"task": task} if isinstance(self.graph, LumoAgent) else {"messages": [HumanMessage(task)]}

    def _answer(self, values: Mapping[str, Any], config: RunnableConfig) -> Any:
        tell = config.get("configurable", {}).get(SPEND)
        if tell is not None:
            tell(self._spent(values).to_dict())
        if waiting := cast("Sequence[Interrupt]", values.get("__interrupt__", ())):
            raise ToolException(f"{self.name} waits for a person, whom nobody can ask here: {waiting[0].value!r}")
        if not isinstance(self.graph, LumoAgent):
            return _last_words(values)
        if values.get("answer") is None and values.get("outcome") != "answered":
            raise ToolException(f"{self.name} has stopped without an answer ({values.get('outcome')}).")
        return values.get("answer")

    def _spent(self, values: Mapping[str, Any]) -> Spent:
        if isinstance(self.graph, LumoAgent):
            calls = sum(len(step["calls"]) for step in values.get("steps", ()))
            return Spent(usage=Usage(**values.get("usage", {})), tool_calls=calls)
        replies = [message for message in values.get("messages", ()) if isinstance(message, AIMessage)]
        usage = sum((usage_of(reply) for reply in replies), Usage())
        return Spent(usage=usage, tool_calls=sum(len(reply.tool_calls) for reply in replies))


def agent_tools(agents: Sequence[Agent]) -> list[AgentTool]:
    """The agents as tools.

    Raises:
        ConfigurationError: something is not an agent, or cannot be called.
    """
    if not isinstance(agents, (list, tuple)):
        raise ConfigurationError(f"agents must be a list of Agent(name, description, graph), not {agents!r}.")
    return [_as_tool(agent) for agent in agents]


def _as_tool(agent: object) -> AgentTool:
    if not isinstance(agent, Agent):
        raise ConfigurationError(
            f"{agent!r} is not an agent that can be called. Write Agent(name, description, graph)."
        )
    if not isinstance(agent.name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers do get it wrong
        raise ConfigurationError(f"An agent's name must be a Python name, such as 'researcher', not {agent.name!r}.")
    if not isinstance(agent.graph, Pregel):  # pyright: ignore[reportUnnecessaryIsInstance] - callers do get it wrong
        raise ConfigurationError(
            f"The graph of the agent {agent.name!r} is not a compiled graph but {type(agent.graph).__name__}. "
            "Make one with create_lumo_agent(...), or compile your own."
        )
    channels: Mapping[str, Any] = cast("Any", agent.graph).channels
    if not isinstance(agent.graph, LumoAgent) and "messages" not in channels:
        raise ConfigurationError(
            f"The graph of the agent {agent.name!r} has no `messages`, so it cannot be told its task."
        )
    saver: Any = cast("Any", agent.graph).checkpointer
    if saver is not None:
        raise ConfigurationError(
            f"The graph of the agent {agent.name!r} has a checkpointer of its own (checkpointer="
            f"{saver!r}). Leave it out: an agent that is called works in the thread of its caller."
        )
    if not isinstance(agent.description, str) or not agent.description.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"The agent {agent.name!r} has no description: say what it does, for who calls it.")
    return AgentTool(name=agent.name, description=agent.description.strip(), graph=agent.graph, metadata={AGENT: True})


def _below(config: RunnableConfig, name: str) -> RunnableConfig:
    """The config of an agent that is called: its own namespace, found again whenever the call is made again.

    LangGraph names the graphs that a node invokes by their order. That is another one when calls that have returned are
    not made again, so the call itself names it.
    """
    given = dict(config.get("configurable", {}))
    key = given.pop(IDEMPOTENCY_KEY, None)
    if (scratchpad := given.get(SCRATCHPAD)) is not None:
        given[SCRATCHPAD] = replace(scratchpad, subgraph_counter=itertools.count().__next__)
    if "checkpoint_ns" in given:
        digest = hashlib.sha256(str(key or uuid.uuid4()).encode()).hexdigest()[:32]
        given["checkpoint_ns"] = f"{given['checkpoint_ns']}|{name}:{digest}"
    given[AGENT_NAME] = "/".join(part for part in (given.get(AGENT_NAME), name) if part)
    return {**config, "configurable": given}


def _last_words(values: Mapping[str, Any]) -> str:
    messages = cast("Sequence[BaseMessage]", values.get("messages") or ())
    return str(messages[-1].text) if messages else ""
