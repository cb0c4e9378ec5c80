"""Analyse a file with pandas, and get a plot back.

    pip install 'lumo-graph[openai]' pandas matplotlib
    OPENAI_API_KEY=... python data_analysis.py

The code runs in the jail: it finds the file in its working directory, and what it writes there comes back.
"""

import os
from pathlib import Path

from lumo_graph import Limits, run

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")
DATA = Path(__file__).parent / "sunspots" / "sunspots.csv"

TASK = """\
sunspots.csv has the columns year and sunspots. Find the ten years with most sunspots, and the mean distance in years
between one maximum and the next. Plot all years with these maxima marked as cycles.png.
Answer with {"years": [...], "distance": ...}."""

if __name__ == "__main__":
    result = run(
        TASK,
        MODEL,
        base_url=BASE_URL,
        agent_type="code-agent",
        files=[DATA],
        limits=Limits(action_seconds=60),  # the first import of matplotlib takes its time
        response_format=dict[str, list[int] | float],
    )
    print(result.answer)
    for artifact in result.artifacts:
        print(f"{artifact.save('out').name}: {artifact.media_type}, {artifact.size:,} bytes")
