"""A lead whose clerk asks a person before it sends anything."""

import os
from pathlib import Path

from lumo_graph import Agent, create_lumo_agent
from lumo_graph.models import resolve_model


def send(text: str) -> str:
    """Send a message."""
    with Path(os.environ["SENT"]).open("a") as sent:
        sent.write(f"{text}\n")
    return f"{text} was sent"


model = resolve_model("openai:gpt-4.1-nano", base_url=os.environ["LUMO_BASE_URL"])
clerk = create_lumo_agent(model, [send], agent_type="code-agent", interrupt_on={"send": True}, name="clerk")
graph = create_lumo_agent(model, agents=[Agent("clerk", "Sends.", clerk)], agent_type="code-agent", name="office")
