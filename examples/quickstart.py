"""The shortest run: a question, a tool, an answer.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python quickstart.py

LUMO_MODEL names another model, LUMO_BASE_URL any server that speaks OpenAI's protocol.
"""

import os

from lumo_graph import run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")


def price(item: str) -> float:
    """Price of an item in euros."""
    return {"tea": 2.5, "cake": 4.0, "soup": 6.5}[item]


if __name__ == "__main__":
    result = run(
        "What do three teas and a cake cost?",
        MODEL,
        base_url=BASE_URL,
        tools=[price],
        agent_type="code-agent",  # leave it out, and the model calls functions instead
    )
    print(result.answer, result.outcome, f"{len(result.steps)} steps")
