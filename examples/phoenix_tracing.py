"""See a run in Phoenix: every reply, code action and tool call in its place.

    pip install 'lumo-graph[openai,otlp]' arize-phoenix
    phoenix serve &
    OPENAI_API_KEY=... python phoenix_tracing.py        # then open http://localhost:6006

Any other backend that takes OTLP works in the same way: set OTEL_EXPORTER_OTLP_ENDPOINT, and leave `endpoint` out.
"""

import os

from lumo_graph import configure_tracing, run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")


def stock(item: str) -> int:
    """How many of an item there are."""
    return {"tea": 12, "cake": 3}[item]


if __name__ == "__main__":
    configure_tracing(
        service_name="shop",
        endpoint=os.environ.get("PHOENIX_COLLECTOR_ENDPOINT", "http://localhost:6006"),
        capture_content="SPAN_ONLY",  # prompts, code and results are sent too: leave it out where they are private
    )
    result = run(
        "Of what is there more, tea or cake?", MODEL, base_url=BASE_URL, tools=[stock], agent_type="code-agent"
    )
    print(result.answer)  # what is left of the spans is sent when the process ends
