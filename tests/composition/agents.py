"""Agents and the graphs around them that the tests of composition share."""

import asyncio

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from lumo_graph import create_lumo_agent
from lumo_graph.testing import ScriptedModel

THREAD = {"configurable": {"thread_id": "t"}}
APPROVE = {"type": "approve"}
both_ways = pytest.mark.parametrize("how", ["sync", "async"])
"""Without an event loop, and on one."""


def code(text):
    return f"```python\n{text}\n```"


def calling(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call-{name}"}])


def coder(*replies, tools=(), **options):
    """An agent that acts by code."""
    return create_lumo_agent(ScriptedModel(list(replies)), tools, agent_type="code-agent", **options)


def below(agent, checkpointer=None, *, node="analyst", schema=MessagesState, **options):
    """A graph of one node, which is the agent, or calls it."""
    builder = StateGraph(schema)
    builder.add_node(node, agent, **options)
    builder.add_edge(START, node)
    builder.add_edge(node, END)
    return builder.compile(checkpointer=checkpointer)


def say(text):
    return {"messages": [("user", text)]}


def last(values):
    return values["messages"][-1].text


def answers(values):
    """What agents have answered, without the code that they wrote."""
    return [message.text for message in values["messages"] if message.type == "ai" and "```" not in message.text]


def invoke(graph, given, config=None, *, how="sync", **options):
    if how == "sync":
        return graph.invoke(given, config, **options)
    return asyncio.run(graph.ainvoke(given, config, **options))
