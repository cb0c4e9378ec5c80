"""The code agent, to be served: the server brings the checkpointer, LUMO_MODEL and LUMO_BASE_URL name the model."""

import os

from lumo_graph import create_lumo_agent
from lumo_graph.models import resolve_model

model = resolve_model(os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano"), base_url=os.environ.get("LUMO_BASE_URL"))
graph = create_lumo_agent(model, agent_type="code-agent", name="code_agent")
