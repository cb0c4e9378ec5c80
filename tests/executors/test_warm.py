"""Sessions that are kept ready."""

import os
import threading
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
from tests.watching import until

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


def filled():
    return not any(thread.name == "lumo-warm" for thread in threading.enumerate())


def test_what_is_taken_is_made_up_for(starter):
    warm = WarmSessions(starter, count=2)
    warm.take(Limits())
    assert until(filled)
    assert len(starter.made) == 3
    second = warm.take(Limits())
    assert second in starter.made[:3]
    assert until(filled)
    assert len(starter.made) == 4


def test_sessions_of_another_size_are_ended(starter):
    warm = WarmSessions(starter, count=1)
    first = warm.take(Limits())
    assert until(filled)
    (spare,) = [made for made in starter.made if made is not first]
    assert warm.take(SMALL) is not spare
    assert until(filled)
    assert [made for made, ended in zip(starter.made, starter.ended, strict=True) if ended] == [spare]


def test_they_end_with_whoever_keeps_them(starter):
    warm = WarmSessions(starter, count=2)
    first = warm.take(Limits())
    assert until(filled)
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
        assert until(filled)


def test_a_warm_session_is_as_good_as_any():
    executor = ProcessExecutor(require="none", warm=1)
    for number in range(3):
        session = executor.open(limits=Limits())
        try:
            assert Driver(session).value(f"x = {number}\nx") == number
        finally:
            session.close()
        assert until(filled)


def test_one_that_has_died_is_not_handed_out(starter):
    warm = WarmSessions(starter, count=1)
    first = warm.take(Limits())
    assert until(filled)
    (spare,) = [made for made in starter.made if made is not first]
    spare.link.control.kill()
    assert until(lambda: not spare.is_fit)
    assert warm.take(Limits()) is not spare
    assert until(filled)


def test_one_that_shows_an_input_that_was_replaced_is_not_handed_out(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(17 << 20))
    for parent in [tmp_path, *tmp_path.parents][:3]:
        if parent.stat().st_uid == os.getuid():
            parent.chmod(0o755)
    executor = ProcessExecutor(require="none", files=[path], warm=1)
    executor.open(limits=Limits()).close()
    assert until(filled)
    (tmp_path / "new").write_bytes(b"new" + bytes(17 << 20))
    (tmp_path / "new").replace(path)
    session = executor.open(limits=Limits())
    try:
        assert Driver(session).value("open('large', 'rb').read(3).decode()") == "new"
    finally:
        session.close()


def test_a_child_of_this_process_has_warm_sessions_of_its_own(starter):
    warm = WarmSessions(starter, count=1)
    warm.take(Limits())
    assert until(filled)
    known = set(map(id, starter.made))
    if (child := os.fork()) == 0:
        code = 1
        try:
            taken = warm.take(Limits())
            code = int(id(taken) in known)
            taken.end()
            assert until(filled)
            close_zygotes()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert warm.take(Limits()) in starter.made[:2]


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="warm must be a whole number"):
        ProcessExecutor(warm=-1)
