"""A graph that blocks the event loop, to see that the server would say so of ours."""

import time

from langgraph.graph import END, START, MessagesState, StateGraph


async def block(state: MessagesState) -> MessagesState:
    time.sleep(0.01)  # noqa: ASYNC251 - what must not be done
    return {"messages": []}


builder = StateGraph(MessagesState)
builder.add_node("block", block)
builder.add_edge(START, "block")
builder.add_edge("block", END)
graph = builder.compile()
