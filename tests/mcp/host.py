"""A process that runs an agent with a server, for others to kill: `python -m tests.mcp.host SPEC`."""

import json
import os
import signal
import sys
from typing import Any

from langchain_core.messages import AIMessage

from lumo_graph import run
from lumo_graph.testing import ScriptedModel


def die() -> str:
    """End this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def replies_of(agent_type: str, named: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """One action that makes calls."""
    if agent_type == "code-agent":
        return ["```python\n" + "\n".join(f"print({name}(**{args!r}))" for name, args in named) + "\n```"]
    asked = [{"name": name, "args": args, "id": str(place)} for place, (name, args) in enumerate(named)]
    return (
        [AIMessage("", tool_calls=[asked[0]]), AIMessage("", tool_calls=asked[1:])]
        if asked[1:]
        else [AIMessage("", tool_calls=asked)]
    )


if __name__ == "__main__":
    spec = json.loads(sys.argv[1])
    run(
        "go",
        ScriptedModel(replies_of(spec["agent_type"], spec["calls"])),
        agent_type=spec["agent_type"],
        tools=[die],
        thread_id="t",
        checkpointer=spec["store"],
        mcp_servers=spec["servers"],
    )
