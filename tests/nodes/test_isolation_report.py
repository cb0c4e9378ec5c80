"""The isolation report in the run's state: written when code has run, and only when it has changed."""

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from lumo_graph import create_lumo_agent, run, stream
from lumo_graph.events import Answered, event_to_dict
from lumo_graph.executors import MontyExecutor, ProcessExecutor
from lumo_graph.testing import ScriptedModel
from lumo_graph.types import Isolation

REPORT = Isolation(tier="none", on=("a fence",), off={"moat": "no water"}, open=("the gate",))


def code(text):
    return f"```python\n{text}\n```"


class Session:
    """A real session under another roof."""

    def __init__(self, session):
        self._session = session

    def __getattr__(self, name):
        return getattr(self._session, name)

    @property
    def isolation(self):
        return REPORT


class Executor:
    """Somebody's executor."""

    packages = ()

    def open(self, namespace=None, *, tools=(), limits):
        return Session(ProcessExecutor(require="none").open(namespace, tools=tools, limits=limits))


def replies():
    return ScriptedModel([code("x = 1"), code("y = 2"), code("final_answer(x + y)")])


@pytest.mark.parametrize(
    "executor", [ProcessExecutor(require="none"), MontyExecutor(), Executor()], ids=["process", "monty", "own"]
)
def test_the_result_has_the_report_that_the_session_gives(executor):
    from lumo_graph.types import Limits

    session = executor.open(limits=Limits())
    expected = session.isolation
    session.close()
    assert run("go", replies(), agent_type="code-agent", executor=executor).isolation == expected


def test_a_run_without_code_has_none():
    assert run("go", ScriptedModel(["Hello."])).isolation is None
    refused = run("go", ScriptedModel([code("print(totl)"), "I give up."]), agent_type="code-agent")
    assert refused.isolation is None


def test_the_last_event_has_it_too():
    events = list(stream("go", replies(), agent_type="code-agent", executor=Executor()))
    assert isinstance(events[-1], Answered)
    assert event_to_dict(events[-1])["isolation"] == REPORT.to_dict()


def test_the_state_has_it_from_the_first_action_on_and_it_is_written_once(tmp_path):
    with SqliteSaver.from_conn_string(str(tmp_path / "runs.db")) as saver:
        agent = create_lumo_agent(replies(), agent_type="code-agent", executor=Executor(), checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}
        updates = list(agent.stream({"task": "go"}, config, stream_mode="updates"))
        assert agent.get_state(config).values["isolation"] == REPORT.to_dict()
        written = [update["execute"] for update in updates if "execute" in update]
        assert [REPORT.to_dict() == update.get("isolation") for update in written] == [True, False, False]


def test_the_next_run_of_a_thread_does_not_inherit_it(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    first = run("go", replies(), agent_type="code-agent", checkpointer=url, thread_id="t", executor=Executor())
    second = run("go", ScriptedModel(["Hello."]), checkpointer=url, thread_id="t")
    assert (first.isolation, second.isolation) == (REPORT, None)


@pytest.mark.anyio
async def test_values_are_streamed_with_it():
    agent = create_lumo_agent(replies(), agent_type="code-agent", executor=Executor())
    values = [value async for value in agent.astream({"task": "go"}, stream_mode="values")]
    assert values[-1]["isolation"] == REPORT.to_dict()
