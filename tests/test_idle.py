"""Sessions that wait: so many, and so long."""

import threading
import time

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.idle import Idle, IdleSessions
from lumo_graph.testing import ScriptedModel
from lumo_graph.types import Limits
from tests.watching import until


@pytest.fixture
def make():
    executor = ProcessExecutor(require="none")
    opened = []

    def make():
        opened.append(executor.open(limits=Limits()))
        return Idle(session=opened[-1], revision="r", room=(1, 1, None))

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def timers():
    """Counts the timers that this test has started: agents of earlier tests may still have theirs."""
    known = set(threading.enumerate())
    return lambda: sum(isinstance(one, threading.Timer) for one in set(threading.enumerate()) - known)


def test_a_session_that_has_waited_too_long_is_ended_and_then_the_next(make, timers):
    idle = IdleSessions(capacity=9, seconds=0.3)
    first = make()
    idle.put("a", first)
    time.sleep(0.1)
    second = make()
    idle.put("b", second)
    assert until(lambda: not first.session.alive)
    assert until(lambda: not second.session.alive)
    assert (idle.pop("a"), idle.pop("b")) == (None, None)
    assert until(lambda: timers() == 0)


def test_one_that_is_taken_is_not_ended(make):
    idle = IdleSessions(capacity=9, seconds=0.05)
    session = make()
    idle.put("a", session)
    assert idle.pop("a") is session
    time.sleep(0.2)
    assert session.session.alive


def test_no_timer_is_left_behind(make, timers):
    idle = IdleSessions(capacity=9, seconds=1000)
    idle.put("a", make())
    assert timers() == 1
    idle.close_all()
    assert until(lambda: timers() == 0)


def test_an_agent_goes_on_with_a_thread_whose_session_was_idle_for_too_long():
    replies = ["x = [1]", "gen = iter(x)\nopen('f', 'w').write('f')", "final_answer((x, open('f').read()))"]
    agent = create_lumo_agent(
        ScriptedModel([f"```python\n{reply}\n```" for reply in replies]),
        agent_type="code-agent",
        checkpointer=InMemorySaver(),
        idle_seconds=0.01,
        idle_sessions=1,
    )
    thread = {"configurable": {"thread_id": "t"}}
    seen = []
    for update in agent.stream({"task": "go"}, thread, stream_mode="updates"):
        seen.append(next(iter(update)))
        time.sleep(0.1)
    assert agent.get_state(thread).values["answer"] == [[1], "f"]


@pytest.mark.parametrize("options", [{"idle_sessions": -1}, {"idle_seconds": 0}, {"idle_seconds": "1"}])
def test_numbers_that_are_none_are_refused(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        create_lumo_agent(ScriptedModel([]), **options)
