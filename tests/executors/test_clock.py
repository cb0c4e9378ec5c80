import threading
import time

from lumo_graph.executors.clock import ActionClock, Alarm
from lumo_graph.types import ToolReply, ToolRequest, ToolSpec


def test_time_runs_out():
    clock = ActionClock(0.05)
    assert 0 < clock.left <= 0.05
    time.sleep(0.06)
    assert clock.left < 0


def test_it_stands_still_while_any_agent_works():
    clock = ActionClock(0.2)
    with clock.standing():
        with clock.standing():
            time.sleep(0.2)
        time.sleep(0.1)
        assert clock.left > 0
        assert clock.pause > 0
    assert 0 < clock.left <= 0.2


def test_an_action_that_is_to_end_ends_whoever_works():
    clock = ActionClock(100)
    with clock.standing():
        clock.end_in(0.01)
        time.sleep(0.02)
        assert clock.left < 0
    assert clock.left < 0


def test_only_agents_stop_it():
    clock = ActionClock(100)
    specs = {"agent": ToolSpec(name="agent", is_agent=True), "tool": ToolSpec(name="tool")}

    def serve(request):
        before = clock.left
        time.sleep(0.02)
        return ToolReply(value=before - clock.left)

    serving = clock.serving(serve, specs)
    assert serving(ToolRequest(seq=0, name="agent", args={})).value == 0
    assert serving(ToolRequest(seq=1, name="tool", args={})).value > 0.01
    assert serving(ToolRequest(seq=2, name="unknown", args={})).value > 0.01


def test_the_alarm_rings_once_when_time_has_run_out_and_not_while_it_stands():
    clock, rung = ActionClock(0.1), threading.Event()
    with clock.standing():
        Alarm(clock, rung.set)
        assert not rung.wait(0.3)
    assert rung.wait(10)


def test_an_alarm_that_is_cancelled_stays_silent():
    clock, rung = ActionClock(0.1), threading.Event()
    Alarm(clock, rung.set).cancel()
    assert not rung.wait(0.3)
