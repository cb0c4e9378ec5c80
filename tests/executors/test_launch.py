"""What this machine gives is found out once."""

import pytest

from lumo_graph.errors import IsolationError
from lumo_graph.executors import ProcessExecutor, launch
from lumo_graph.types import Limits


@pytest.fixture
def started(monkeypatch):
    """The layers that sessions were started behind, in order; nothing is known of this machine yet."""
    layers = []
    fork = launch.fork_session

    def count(preload, request, descriptors):
        layers.append(request["layers"])
        fork(preload, request, descriptors)

    monkeypatch.setattr(launch, "fork_session", count)
    monkeypatch.setattr(launch, "_missing", {})
    monkeypatch.setattr(launch, "_probed", {})
    return layers


def open_session(executor):
    session = executor.open(limits=Limits())
    isolation = session.isolation
    session.close()
    return isolation


def test_a_probe_says_what_a_session_says(started):
    executor = ProcessExecutor(require="none")
    assert executor.probe() == open_session(executor)


def test_a_second_probe_starts_nothing(started):
    first = ProcessExecutor(require="none").probe()
    count = len(started)
    assert ProcessExecutor(require="none").probe() == first
    assert len(started) == count


def test_a_probe_of_other_settings_is_another(started):
    with_copy = ProcessExecutor(require="none").probe()
    without = ProcessExecutor(require="none", freeze_below_mb=0).probe()
    assert "frozen copy" in without.off
    assert without.tier == with_copy.tier


def test_a_probe_below_what_is_required_is_refused_and_so_is_a_session(started, monkeypatch):
    monkeypatch.setattr(launch, "_missing", {(): {"seccomp": "switched off for this test"}})
    for work in (ProcessExecutor().probe, lambda: ProcessExecutor().open(limits=Limits())):
        with pytest.raises(IsolationError, match="- seccomp: switched off for this test"):
            work()
