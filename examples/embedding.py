"""An agent inside a larger graph: a parent with a state of its own, and one agent for each region at once.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python embedding.py

The node that calls the agent is the adapter between the two states.
"""

import operator
import os
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from lumo_graph import create_lumo_agent
from lumo_graph.models import resolve_model

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")


def sales(region: str) -> list[int]:
    """Sales of a region, month by month."""
    return [len(region) * month for month in range(1, 13)]


class Report(TypedDict, total=False):
    """The parent's state; nothing of it is an agent's."""

    regions: list[str]
    totals: Annotated[list[tuple[str, Any]], operator.add]
    best: str


class Region(TypedDict):
    """What one branch gets."""

    region: str


analyst = create_lumo_agent(resolve_model(MODEL, base_url=BASE_URL), [sales], agent_type="code-agent")


def analyse(state: Region) -> Report:
    """The adapter: the parent's words in, the agent's answer out."""
    done = analyst.invoke({"task": f"What is the sum of the sales of {state['region']}?"})
    return {"totals": [(state["region"], done["answer"])]}


def each_region(state: Report) -> list[Send]:
    """One agent for each region, all at once."""
    return [Send("analyse", {"region": region}) for region in state.get("regions", [])]


def compare(state: Report) -> Report:
    """An ordinary node."""
    totals = state.get("totals", [])
    return {"best": max(totals, key=lambda total: total[1])[0]}


builder = StateGraph(Report)
builder.add_node("analyse", analyse)
builder.add_node("compare", compare)
builder.add_conditional_edges(START, each_region, ["analyse"])
builder.add_edge("analyse", "compare")
builder.add_edge("compare", END)
report = builder.compile()

if __name__ == "__main__":
    made: Any = report.invoke({"regions": ["north", "west", "southeast"]})
    print(sorted(made["totals"]), made["best"])
