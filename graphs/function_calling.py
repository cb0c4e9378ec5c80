"""The function-calling agent, to be served; see code_agent.py."""

import os

from lumo_graph import create_lumo_agent
from lumo_graph.models import resolve_model

model = resolve_model(os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano"), base_url=os.environ.get("LUMO_BASE_URL"))
graph = create_lumo_agent(model, agent_type="function-calling", name="function_calling")
