"""Ten items: one for-loop in one code action, against ten tool calls that each go through the model.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python many_items.py

The same task, the same tool, both agent types; the difference is what it costs.
"""

import os

from lumo_graph import run
from lumo_graph.events import RunResult

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")
CITIES = ["Oslo", "Rome", "Cairo", "Lima", "Quito", "Delhi", "Tokyo", "Seoul", "Perth", "Accra"]


def temperature(city: str) -> float:
    """Temperature in a city now, in degrees Celsius."""
    return round(10 + sum(map(ord, city)) % 25 + len(city) / 10, 1)


def ask(agent_type: str) -> RunResult:
    """The same task in one way or the other."""
    return run(
        f"Which of these cities is the warmest now, and how warm is it? {', '.join(CITIES)}",
        MODEL,
        base_url=BASE_URL,
        tools=[temperature],
        agent_type=agent_type,
        limits={"max_steps": 15},
    )


if __name__ == "__main__":
    for agent_type in ("code-agent", "function-calling"):
        result = ask(agent_type)
        calls = sum(len(step.calls) for step in result.steps)
        print(
            f"{agent_type}: {result.answer} ({calls} tool calls, {result.usage.model_calls} model calls, "
            f"{result.usage.total_tokens:,} tokens)"
        )
