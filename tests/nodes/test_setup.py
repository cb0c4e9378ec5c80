"""What all nodes of an agent share: prompts that are written once, and never on the event loop."""

import threading

import pytest

from lumo_graph import create_lumo_agent, sessions
from lumo_graph.errors import ModelError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

ONCE = RetryPolicy(attempts=1)
CODE = "```python\nfinal_answer(42)\n```"


class Watched:
    """An executor that notes in which threads it is asked what it has."""

    def __init__(self):
        self.threads = []
        self._executor = ProcessExecutor()

    @property
    def packages(self):
        self.threads.append(threading.current_thread())
        return ["numpy"]

    def open(self, namespace=None, **options):
        return self._executor.open(namespace, **options)


@pytest.mark.anyio
async def test_an_event_loop_does_not_wait_until_an_executor_has_said_what_it_has():
    executor = Watched()
    agent = create_lumo_agent(ScriptedModel([CODE, CODE]), agent_type="code-agent", executor=executor)
    answers = [(await agent.ainvoke({"task": "x"}))["answer"] for _ in range(2)]
    assert (answers, len(executor.threads)) == ([42, 42], 1)
    assert threading.current_thread() not in executor.threads


@pytest.mark.anyio
@pytest.mark.parametrize("end", [CODE, OSError("down")])
async def test_nor_until_a_session_has_ended(end, monkeypatch):
    threads, close = [], sessions.close_session

    def noting(session):
        threads.append(threading.current_thread())
        close(session)

    monkeypatch.setattr(sessions, "close_session", noting)
    agent = create_lumo_agent(ScriptedModel(["```python\nx = 1\n```", end]), agent_type="code-agent", retry=ONCE)
    try:
        await agent.ainvoke({"task": "x"})
    except ModelError:
        assert end is not CODE
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_prompts_of_many_contexts_do_not_pile_up():
    model = ScriptedModel(["Done."] * 70)
    agent = create_lumo_agent(model)
    for number in range(70):
        agent.invoke({"task": "x"}, context={"system_prompt": f"You are number {number}."})
    assert all(f"number {number}." in call[0].text for number, call in enumerate(model.calls))
    assert len(agent.nodes["call_model"].bound._setup._prompts) < 70
