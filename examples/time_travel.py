"""Go back to an earlier step and take another way, with the variables of then.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python time_travel.py

Every checkpoint holds the variables of its moment, so the run can go on from any of them.
"""

import os

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import create_lumo_agent
from lumo_graph.models import resolve_model

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")

if __name__ == "__main__":
    agent = create_lumo_agent(
        resolve_model(MODEL, base_url=BASE_URL), agent_type="code-agent", checkpointer=InMemorySaver()
    )
    thread: RunnableConfig = {"configurable": {"thread_id": "garden"}}
    agent.invoke({"task": "Put 'rose' and 'tulip' into a list `beds`, and answer with it."}, thread)
    planted = agent.get_state(thread).config  # this moment

    later = agent.invoke({"task": "Dig out everything in `beds`, and answer with it."}, thread)
    print("later:", later["answer"])

    other = agent.invoke({"task": "Add 'lily' to `beds`, and answer with it."}, planted)
    print("from before:", other["answer"])

    for state in agent.get_state_history(thread):
        if state.values.get("outcome") == "answered" and not state.next:
            print(state.config.get("configurable", {})["checkpoint_id"][-6:], state.values["variables"])
