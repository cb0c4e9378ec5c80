"""What a parent streams of an agent, in every mode, and what a stream that is left leaves behind."""

import asyncio
import os
from contextlib import aclosing, closing

import pytest
from langchain_core._api import LangChainBetaWarning
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph.executors.zygote import close_zygotes
from tests.composition.agents import THREAD, below, both_ways, code, coder, last, say
from tests.watching import processes_below, until

MODES = ["values", "updates", "messages", "custom", "debug", "tasks", "checkpoints"]


def streamed(graph, given, *, how, **options):
    """All that a graph streams."""

    async def go():
        return [chunk async for chunk in graph.astream(given, THREAD, **options)]

    return list(graph.stream(given, THREAD, **options)) if how == "sync" else asyncio.run(go())


@pytest.mark.parametrize("memory", [None, True])
@both_ways
def test_every_mode_shows_what_happens_inside(how, memory, send):
    graph = below(coder(code("final_answer(send('x'))"), tools=[send], checkpointer=memory), InMemorySaver())
    chunks = streamed(graph, say("go"), how=how, stream_mode=MODES, subgraphs=True)
    inside = {mode: [chunk for space, kind, chunk in chunks if space and kind == mode] for mode in MODES}
    assert all(space[0].startswith("analyst") for space, _, _ in chunks if space)
    assert [*{name: None for update in inside["updates"] for name in update}] == [
        "prepare", "plan", "generate_code", "execute", "observe", "answer",
    ]  # fmt: skip
    assert last(inside["values"][-1]) == "x was sent"
    texts = [piece.text for piece, told in inside["messages"] if told["langgraph_node"] == "generate_code"]
    assert "".join(texts[:-1]).startswith("```python")
    assert len(texts) > 2  # as it is written
    assert [event["type"] for event in inside["custom"]] == ["tool_call", "tool_result"]
    assert {task["name"] for task in inside["tasks"]} >= {"execute", "answer"}
    assert len(inside["checkpoints"]) == 8
    assert {one["type"] for one in inside["debug"]} == {"checkpoint", "task", "task_result"}


@both_ways
def test_without_subgraphs_only_the_parents_own_steps_are_seen(how, send):
    graph = below(coder(code("final_answer(send('x'))"), tools=[send]), InMemorySaver())
    chunks = streamed(graph, say("go"), how=how, stream_mode=["updates", "custom"])
    assert [[*chunk] for _, chunk in chunks] == [["analyst"]]


def test_langchains_events_name_the_agent_its_model_and_its_tools(send):
    graph = below(coder(code("final_answer(send('x'))"), tools=[send], name="researcher"))

    async def go():
        return [event async for event in graph.astream_events(say("go"), version="v2")]

    events = asyncio.run(go())
    seen = {(event["event"], event["name"]) for event in events}
    assert {
        ("on_chain_start", "researcher"), ("on_chain_end", "researcher"), ("on_chat_model_stream", "ScriptedModel"),
        ("on_tool_start", "send"), ("on_tool_end", "send"),
    } <= seen  # fmt: skip


@both_ways
def test_the_third_protocol_of_langgraph_shows_it_too(how, send):
    graph = below(coder(code("final_answer(send('x'))"), tools=[send]))

    async def later():
        stream = await graph.astream_events(say("go"), version="v3")
        events = [event async for event in stream]
        return events, await stream.output()

    def now():
        stream = graph.stream_events(say("go"), version="v3")
        return [*stream], stream.output

    with pytest.warns(LangChainBetaWarning):
        events, output = asyncio.run(later()) if how == "async" else now()
    assert any("analyst" in str(event["params"]["namespace"]) for event in events if event["type"] == "event")
    assert last(output) == "x was sent"


STAYS = [code("a = 1"), code("import time\ntime.sleep(1)"), code("final_answer(a)")]


@pytest.fixture
def left():
    """How many processes are left of those that a test has begun, the zygote not counted."""
    close_zygotes()
    known = processes_below(os.getpid())

    def count():
        until(lambda: len(processes_below(os.getpid()) - known) <= 1)
        return max(0, len(processes_below(os.getpid()) - known) - 1)

    return count


# Alone and stored, its session waits for the next input of the thread.
@pytest.mark.parametrize(("where", "stored"), [("alone", False), ("below a parent", False), ("below a parent", True)])
@both_ways
def test_a_stream_that_is_left_early_leaves_no_process(how, where, stored, left):
    agent = coder(*STAYS)
    graph = agent if where == "alone" else below(agent, InMemorySaver() if stored else None)

    async def go():
        async with aclosing(graph.astream(say("go"), THREAD, stream_mode="updates", subgraphs=True)) as stream:
            async for _, update in stream:
                if "execute" in update:
                    break

    if how == "async":
        asyncio.run(go())
    else:
        with closing(graph.stream(say("go"), THREAD, stream_mode="updates", subgraphs=True)) as stream:
            next(update for _, update in stream if "execute" in update)
    assert left() == 0
    assert agent.name == "lumo_agent"  # it is still there: nothing was ended by letting go of it
