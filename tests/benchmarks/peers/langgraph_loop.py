"""A LangGraph loop of three nodes that does nothing but call the model and keep the messages: the floor.

With `--delta` the messages live in a `DeltaChannel`, so that a checkpoint holds what its step added; without it in
LangGraph's own `MessagesState`, whose every checkpoint holds all of them.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from measuring import OBSERVATION, TASK, Run, main
from scripted_chat import ScriptedChat

_CLOSING = "x is one."


def append(state: list[Any], writes: Sequence[list[Any]]) -> list[Any]:
    """The least a reducer of messages can do."""
    return [*state, *(message for write in writes for message in write)]


class DeltaState(TypedDict):
    """The conversation, stored as what each step added."""

    messages: Annotated[list[AnyMessage], DeltaChannel(append)]


def build(model: ScriptedChat, schema: Any) -> StateGraph:
    """The loop: model, action, observation."""
    builder = StateGraph(schema)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("act", lambda _: {})
    builder.add_node("observe", lambda _: {"messages": [HumanMessage(OBSERVATION)]})
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", _after_model, ["act", END])
    builder.add_edge("act", "observe")
    builder.add_edge("observe", "model")
    return builder


def _after_model(state: Any) -> str:
    last = state["messages"][-1]
    return END if isinstance(last, AIMessage) and last.content == _CLOSING else "act"


def solve_with(schema: Any, steps: int, store: Path | None) -> Run:
    """One run."""
    model = ScriptedChat(replies=steps, closing=_CLOSING)
    config = {"recursion_limit": 4 * steps + 10, "configurable": {"thread_id": "run"}}
    with ExitStack() as stack:
        saver = stack.enter_context(SqliteSaver.from_conn_string(str(store))) if store else None
        graph = build(model, schema).compile(checkpointer=saver)
        result = graph.invoke({"messages": [HumanMessage(TASK)]}, config, durability="sync" if store else None)
    return Run(chars=sum(len(message.content) for message in result["messages"]))


if __name__ == "__main__":
    delta = "--delta" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--delta"]
    main("langgraph", lambda steps, store: solve_with(DeltaState if delta else MessagesState, steps, store))
