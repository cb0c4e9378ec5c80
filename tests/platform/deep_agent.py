"""Agents of deepagents with our interpreter. Runs in the environment that has both; prints what came of it, as JSON.

Usage: python deep_agent.py CASE [STORE]
"""

import asyncio
import json
import sys
from pathlib import Path

from deepagents import create_deep_agent
from langchain.agents.middleware import TodoListMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from lumo_graph.middleware import CodeActionMiddleware
from lumo_graph.testing import ScriptedModel

CONFIG = {"configurable": {"thread_id": "t"}}


def calling(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"{name}-{len(str(args))}"}])


def code(text):
    return calling("python_interpreter", code=text)


def price(name: str) -> float:
    """Price of goods."""
    with Path("effects").open("a") as effects:
        effects.write(f"price {name}\n")
    return {"tea": 2.5, "cake": 4.0}[name]


def send(text: str) -> str:
    """Send a message."""
    with Path("effects").open("a") as effects:
        effects.write(f"send {text}\n")
    return f"{text} was sent"


def told(result, name="python_interpreter"):
    """What the tool has told the model, each time."""
    return [str(m.text) for m in result["messages"] if isinstance(m, ToolMessage) and m.name == name]


def turns():
    model = ScriptedModel([
        code("total = price('tea') + price('cake')\ntotal"), "Noted.", code("total * 2"), "It is 13.",
    ])  # fmt: skip
    agent = create_deep_agent(
        model=model, tools=[price], middleware=[CodeActionMiddleware()], checkpointer=InMemorySaver()
    )
    agent.invoke({"messages": [("user", "Add them.")]}, CONFIG)
    result = agent.invoke({"messages": [("user", "Twice that?")]}, CONFIG)
    prompt = "\n".join(m.text for m in model.calls[0] if m.type == "system")
    return {"told": told(result), "last": result["messages"][-1].text, "knows_price": "def price(name: str)" in prompt}


def beside_its_own_tools():
    model = ScriptedModel([
        calling("write_todos", todos=[{"content": "add", "status": "in_progress"}]),
        calling("write_file", file_path="/notes.txt", content="tea and cake"),
        code("sum(price(name) for name in ['tea', 'cake'])"),
        calling("read_file", file_path="/notes.txt"),
        "Done.",
    ])  # fmt: skip
    agent = create_deep_agent(
        model=model,
        tools=[price],
        middleware=[TodoListMiddleware(), CodeActionMiddleware()],
        checkpointer=InMemorySaver(),
    )
    result = asyncio.run(agent.ainvoke({"messages": [("user", "Plan, note, add.")]}, CONFIG))
    return {
        "told": told(result),
        "files": [*result["files"]],
        "todos": [todo["content"] for todo in result["todos"]],
        "read": told(result, "read_file"),
    }


def cautious(store, *replies):
    return create_deep_agent(
        model=ScriptedModel([*replies]),
        tools=[price, send],
        middleware=[CodeActionMiddleware(interrupt_on={"send": True})],
        checkpointer=store,
    )


def ask(path):
    with SqliteSaver.from_conn_string(path) as store:
        text = "paid = price('tea')\nanswer = send(f'tea costs {paid}')\nanswer"
        result = cautious(store, code(text)).invoke({"messages": [("user", "Tell them.")]}, CONFIG)
        return {"asks": [r["args"] for i in result["__interrupt__"] for r in i.value["action_requests"]]}


def go_on(path):
    with SqliteSaver.from_conn_string(path) as store:
        result = cautious(store, "Told.").invoke(Command(resume={"type": "approve"}), CONFIG)
        return {"told": told(result), "last": result["messages"][-1].text}


def sub_agent():
    inner = ScriptedModel([code("found = price('cake')\nfound"), "Cake costs 4.", code("found"), "I forgot."])
    model = ScriptedModel([
        code("mine = 1\nmine"),
        calling("task", description="Price of cake?", subagent_type="pricer"),
        code("(mine, 'found' in globals())"),
        "4",
    ])  # fmt: skip
    pricer = {
        "name": "pricer",
        "description": "Finds prices.",
        "system_prompt": "Find the price.",
        "model": inner,
        "tools": [price],
        "middleware": [CodeActionMiddleware()],
    }
    agent = create_deep_agent(
        model=model, subagents=[pricer], middleware=[CodeActionMiddleware()], checkpointer=InMemorySaver()
    )
    result = agent.invoke({"messages": [("user", "What does cake cost?")]}, CONFIG)
    return {"told": told(result), "task": told(result, "task"), "last": result["messages"][-1].text}


if __name__ == "__main__":
    case = globals()[sys.argv[1]]
    print(json.dumps(case(*sys.argv[2:])))
