"""A tool that retries by itself, and says what a crash in the middle of a call means.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python tool_with_retry.py

What the model cannot mend is not shown to it: a service that is busy for a moment is asked again by the tool.
"""

import itertools
import os

from langchain_core.runnables import RunnableConfig
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from lumo_graph import run
from lumo_graph.tools import declare_effects

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")

_attempts = itertools.count(1)


def book(room: str, config: RunnableConfig) -> str:
    """Book a room.

    Args:
        room: its name.
        config: comes from the agent; the model does not see it.
    """
    # The same whenever this call is made again: the service books once for each key.
    return _post({"room": room, "key": config.get("configurable", {})["idempotency_key"]})


@retry(
    retry=retry_if_exception_type(ConnectionError),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.01, max=1),
    reraise=True,
)
def _post(order: dict[str, str]) -> str:
    """Stands for a call of your service: busy twice, then it answers."""
    attempt = next(_attempts)
    if attempt <= 2:  # noqa: PLR2004 - twice
        print(f"attempt {attempt}: busy")
        raise ConnectionError("busy")
    return f"{order['room']} is booked, after {attempt} attempts"


if __name__ == "__main__":
    result = run(
        "Book the room Lise Meitner.",
        MODEL,
        base_url=BASE_URL,
        tools=[declare_effects(book, on_unknown="rerun")],  # with the same key; "ask" would ask a person
        agent_type="code-agent",
    )
    print(result.answer)
