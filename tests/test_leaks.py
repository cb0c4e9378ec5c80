"""What is let go of is gone: agents, their sessions, their processes and their descriptors."""

import gc
import os
import weakref
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import arun, create_lumo_agent, run
from lumo_graph.errors import ModelError
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel
from tests.watching import processes_below, until

REPLIES = ["```python\nx = tool(1)\n```", "```python\nfinal_answer(x)\n```"]


def tool(n: int) -> int:
    """A tool."""
    return n


@pytest.fixture
def left():
    """Counts new processes, once those that are ending have ended, and descriptors."""
    close_zygotes()
    known = processes_below(os.getpid())

    def count():
        until(lambda: len(processes_below(os.getpid()) - known) <= 1)  # the zygote
        return len(processes_below(os.getpid()) - known), len(list(Path("/proc/self/fd").iterdir()))

    return count


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
def test_a_dropped_agent_takes_its_session_with_it(left):
    agents, counts = [], []
    for _ in range(6):
        agent = create_lumo_agent(
            ScriptedModel(REPLIES), tools=[tool], agent_type="code-agent", checkpointer=InMemorySaver()
        )
        assert agent.invoke({"task": "go"}, {"configurable": {"thread_id": "t"}})["answer"] == 1
        agents.append(weakref.ref(agent))
        del agent
        gc.collect()
        counts.append(left())
    assert [ref() for ref in agents] == [None] * 6
    assert counts[-1] == counts[0]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
@pytest.mark.anyio
async def test_a_run_leaves_nothing_open(left):
    counts = []
    for _ in range(4):
        run("go", ScriptedModel(REPLIES), tools=[tool], agent_type="code-agent", checkpointer="memory://leaks")
        await arun("go", ScriptedModel(REPLIES), tools=[tool], agent_type="code-agent")
        gc.collect()
        counts.append(left())
    assert counts[-1] == counts[1]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
def test_a_run_that_fails_and_is_stored_nowhere_leaves_no_session(left):
    agent = create_lumo_agent(
        ScriptedModel(["```python\nx = 1\n```", ConnectionError("down")] * 4),
        agent_type="code-agent",
        retry=RetryPolicy(attempts=1),
    )
    counts = []
    for _ in range(4):
        with pytest.raises(ModelError):
            agent.invoke({"task": "go"})
        counts.append(left())
    assert counts[-1] == counts[0]
