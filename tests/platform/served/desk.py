"""An agent whose messages wait for a person."""

import os
import time
from pathlib import Path

from lumo_graph import create_lumo_agent
from lumo_graph.models import resolve_model


def send(text: str) -> str:
    """Send a message."""
    with Path(os.environ["SENT"]).open("a") as sent:
        sent.write(f"{text}\n")
    return f"{text} was sent"


def wait(seconds: float) -> str:
    """Take some time."""
    time.sleep(seconds)
    return "waited"


async def look_up(name: str) -> str:
    """Find a name."""
    return name.upper()


model = resolve_model("openai:gpt-4.1-nano", base_url=os.environ["LUMO_BASE_URL"])
graph = create_lumo_agent(
    model, [send, wait, look_up], agent_type="code-agent", interrupt_on={"send": True}, name="desk"
)
