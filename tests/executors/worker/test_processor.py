"""Adding up the processor time of processes that come and go."""

import os
import signal
import sys
import time
from contextlib import contextmanager

import pytest

from lumo_graph.executors.worker.processor import SampledTime

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@contextmanager
def child(code):
    """A child that has done its work and waits to be told to end."""
    (ready, begun), (go, end) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(end)
            code()
            os.write(begun, b"x")
            os.read(go, 1)
        finally:
            os._exit(0)
    os.read(ready, 1)
    yield pid
    for descriptor in (ready, begun, go, end):
        os.close(descriptor)


def test_the_time_of_a_child_counts_while_it_lives_and_afterwards():
    sampled = SampledTime()
    before = sampled.add_up([])
    with child(lambda: burn(0.2)) as pid:
        living = sampled.add_up([pid]) - before
    os.waitpid(pid, 0)
    assert living >= 0.15
    assert sampled.add_up([]) - before >= living


def test_the_time_of_a_childs_children_counts_once_it_has_waited_for_them():
    def work():
        if os.fork() == 0:
            burn(0.2)
            os._exit(0)
        os.wait()

    sampled = SampledTime()
    before = sampled.add_up([])
    with child(work) as pid:
        assert sampled.add_up([pid]) - before >= 0.15
    os.waitpid(pid, 0)


def test_what_was_seen_of_a_child_that_nobody_waits_for_is_kept():
    handler = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        sampled = SampledTime()
        before = sampled.add_up([])
        with child(lambda: burn(0.2)) as pid:
            living = sampled.add_up([pid])
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)
        assert sampled.add_up([]) >= living >= before + 0.15
    finally:
        signal.signal(signal.SIGCHLD, handler)
