"""A program written for Lumo's SDK, against a server of your own; or without one.

    pip install 'lumo-graph[server]' lumo-sdk
    LUMO_API_KEY=k lumo serve --port 8080 &
    OPENAI_API_KEY=... LUMO_API_KEY=k python lumo_sdk_client.py

    python lumo_sdk_client.py --in-process     # the same program, without a server

Where the client comes from is all that differs.
"""

import os
import sys
from typing import Any

MODEL = os.environ.get("LUMO_MODEL", "gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL", "https://api.openai.com/v1/chat/completions")
SERVER = os.environ.get("LUMO_SERVER", "http://127.0.0.1:8080")


def client() -> Any:
    """Lumo's client, or ours: they have the same methods."""
    if "--in-process" in sys.argv:
        from lumo_graph import LumoClient  # noqa: PLC0415 - one or the other

        return LumoClient()
    import lumo_sdk  # noqa: PLC0415 - same

    return lumo_sdk.LumoClient(api_key=os.environ["LUMO_API_KEY"], base_url=SERVER)


if __name__ == "__main__":
    done = client().run_task(
        task="How many prime numbers are there below 1000?", model=MODEL, base_url=BASE_URL, agent_type="code-agent"
    )
    print(done.final_answer)
    for step in done.steps:
        print(*(f"{call.function.name}: {call.function.arguments}" for call in step.tool_calls))
