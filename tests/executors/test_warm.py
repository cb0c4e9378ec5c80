"""Sessions that are kept ready."""

import os
import threading
import time
from functools import partial

import pytest

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.launch import start_empty
from lumo_graph.executors.settings import Settings
from lumo_graph.executors.warm import WarmSessions
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.types import Limits
from tests.executors.conftest import Driver

SMALL = Limits(memory_mb=256)


class Starter:
    """Starts real sessions and remembers them."""

    def __init__(self):
        self.made = []
        self._start = partial(start_empty, Settings(require="none"))

    def __call__(self, limits):
        started = self._start(limits)
        self.made.append(started)
        return started

    @property
    def ended(self):
        return [not started.link._open for started in self.made]

    def end(self):
        for started in self.made:
            started.end()


@pytest.fixture
def starter():
    starter = Starter()
    yield starter
    starter.end()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def filled():
    return not any(thread.name == "lumo-warm" for thread in threading.enumerate())


def test_what_is_taken_is_made_up_for(starter):
    warm = WarmSessions(starter, count=2)
    warm.take(Limits())
    until(filled)
    assert len(starter.made) == 3
    second = warm.take(Limits())
    assert second in starter.made[:3]
    until(filled)
    assert len(starter.made) == 4


def test_sessions_of_another_size_are_ended(starter):
    warm = WarmSessions(starter, count=1)
    first = warm.take(Limits())
    until(filled)
    (spare,) = [made for made in starter.made if made is not first]
    assert warm.take(SMALL) is not spare
    until(filled)
    assert [made for made, ended in zip(starter.made, starter.ended, strict=True) if ended] == [spare]


def test_they_end_with_whoever_keeps_them(starter):
    warm = WarmSessions(starter, count=2)
    first = warm.take(Limits())
    until(filled)
    del warm
    assert [ended for started, ended in zip(starter.made, starter.ended, strict=True) if started is not first] == [
        True,
        True,
    ]


def test_a_reason_not_to_start_is_told_to_whoever_asks():
    warm = WarmSessions(partial(start_empty, Settings(preload=("lumo_no_such_module",))), count=1)
    for _ in range(2):
        with pytest.raises(ExecutorError, match="lumo_no_such_module"):
            warm.take(Limits())
        until(filled)


def test_a_warm_session_is_as_good_as_any():
    executor = ProcessExecutor(require="none", warm=1)
    for number in range(3):
        session = executor.open(limits=Limits())
        try:
            assert Driver(session).value(f"x = {number}\nx") == number
        finally:
            session.close()
        until(filled)


def test_a_child_of_this_process_has_warm_sessions_of_its_own(starter):
    warm = WarmSessions(starter, count=1)
    warm.take(Limits())
    until(filled)
    known = set(map(id, starter.made))
    if (child := os.fork()) == 0:
        code = 1
        try:
            taken = warm.take(Limits())
            code = int(id(taken) in known)
            taken.end()
            until(filled)
            close_zygotes()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert warm.take(Limits()) in starter.made[:2]


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="warm must be a whole number"):
        ProcessExecutor(warm=-1)
