"""A code agent with two agents to call, to be served; see code_agent.py."""

import os

from lumo_graph import Agent, create_lumo_agent
from lumo_graph.models import resolve_model

model = resolve_model(os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano"), base_url=os.environ.get("LUMO_BASE_URL"))
researcher = Agent(
    "researcher",
    "Works out facts and figures in Python. Give it one question, with all that must be known to answer it.",
    create_lumo_agent(model, agent_type="code-agent", name="researcher"),
)
writer = Agent(
    "writer",
    "Writes a short text for a reader. Give it the facts, and say who reads it.",
    create_lumo_agent(model, system_prompt="Write plainly, and state no fact that you were not given.", name="writer"),
)
graph = create_lumo_agent(model, agents=[researcher, writer], agent_type="code-agent", name="research_team")
