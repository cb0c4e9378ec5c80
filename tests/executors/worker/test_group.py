"""Groups of sessions: what bounds them on a tree of files, the rest where this machine lets groups be made."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lumo_graph.executors.jail.cgroups import Choice, choose, find_own, survey
from lumo_graph.executors.jail.plan import NAMESPACES, Plan
from lumo_graph.executors.worker.group import Group, make_group_in

PLAN = Plan(memory_mb=256, disk_mb=8, processes=40, readable=())
FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max")


STARTED = []
"""Processes that a test has put into its group."""


@pytest.fixture
def place():
    if not Path("/proc/self/cgroup").exists():
        pytest.skip("no control groups here")
    found = find_own(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    chosen = found if isinstance(found, str) else choose(survey(*found))
    if isinstance(chosen, str):
        pytest.skip(chosen)
    return Choice(path=chosen.path)  # as it is: a test turns nothing on


@pytest.fixture
def group(place):
    try:
        made = make_group_in(place, PLAN)
    except OSError as failure:
        pytest.skip(f"no group can be made in {place.path}: {failure}")
    yield made
    made.kill()
    while STARTED:
        with suppress(ChildProcessError):  # the test has waited for it
            os.waitpid(STARTED.pop(), 0)
    made.remove()


def names(place):
    return {path.name for path in place.path.glob("lumo-*")}


def start(group, code):
    """A child in the group."""
    ready, begun = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            group.join()
            os.write(begun, b"x")
            code()
        finally:
            os._exit(0)
    STARTED.append(pid)
    os.close(begun)
    assert os.read(ready, 1) == b"x"
    os.close(ready)
    return pid


def spin():
    while True:
        pass


def fork_without_end():
    while True:
        time.sleep(0.001)
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass


def ticks(pid):
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


@pytest.mark.parametrize(
    ("plan", "memory"),
    [
        (PLAN, 256 + 64),
        (Plan(memory_mb=256, disk_mb=8, processes=40, readable=(), layers=frozenset({NAMESPACES})), 256 + 8 + 64),
        (Plan(memory_mb=256, disk_mb=8, processes=40, readable=(), freeze_below_mb=100), 256 + 100 + 64),
    ],
    ids=["processes", "and files in memory", "and a copy"],
)
def test_what_a_session_may_use_is_written_where_the_kernel_takes_it(tmp_path, plan, memory):
    group = Group(tmp_path, "lumo-1")
    for name in FILES:
        (tmp_path / "lumo-1" / name).touch()
    group.limit(plan)
    written = [(tmp_path / "lumo-1" / name).read_text() for name in FILES]
    assert written == [str(memory << 20), "0", "0", "40"]
    assert group.missing == {}
    group.close()


def test_a_controller_that_is_not_there_is_named(tmp_path):
    group = Group(tmp_path, "lumo-1")
    (tmp_path / "lumo-1" / "pids.max").touch()
    group.limit(PLAN)
    assert group.missing == {"cgroup memory": "the controller is not available here"}
    group.close()


def test_controllers_that_can_be_turned_on_are(tmp_path):
    (tmp_path / "cgroup.subtree_control").touch()
    group = make_group_in(Choice(path=tmp_path, enable=("pids",)), PLAN)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+pids"
    group.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["cgroup.subtree_control"]


def test_it_tells_when_the_kernel_has_ended_one_for_its_memory(tmp_path):
    (tmp_path / "lumo-1").mkdir()
    (tmp_path / "other").mkdir()
    events = tmp_path / "other" / "memory.events"
    events.write_text("low 0\noom 0\noom_kill 0\n")
    group = Group(tmp_path, "lumo-2")
    group._files["memory.events"] = os.open(events, os.O_RDONLY)
    assert not group.ran_out_of_memory()
    events.write_text("low 0\noom 3\noom_kill 2\n")
    assert group.ran_out_of_memory()
    assert not group.ran_out_of_memory()
    group.close()


def test_the_time_of_children_that_nobody_has_waited_for_counts(group):
    def burn():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for _ in range(4):
            if os.fork() == 0:
                until = time.process_time() + 0.05
                while time.process_time() < until:
                    pass
                os._exit(0)
            with suppress(ChildProcessError):
                os.wait()  # ends with the last of them, and tells nothing

    os.waitpid(start(group, burn), 0)
    assert group.seconds() >= 0.15


def test_what_is_frozen_uses_no_time_and_goes_on_afterwards(group):
    assert not group.joined
    pid = start(group, spin)
    assert group.joined
    assert group.freezes
    group.freeze()
    time.sleep(0.1)
    os.kill(pid, signal.SIGCONT)
    before = ticks(pid)
    time.sleep(0.3)
    assert ticks(pid) == before
    group.thaw()
    until = time.monotonic() + 20
    while ticks(pid) == before and time.monotonic() < until:
        time.sleep(0.01)
    assert ticks(pid) > before


def test_nothing_outruns_its_kill(group):
    start(group, fork_without_end)
    time.sleep(0.05)
    group.freeze()
    group.kill()
    until = time.monotonic() + 20
    while "populated 1" in Path(f"/proc/self/fd/{group._files['cgroup.events']}").read_text():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_it_is_gone_afterwards(place, group):
    before = names(place)
    assert group._name in before
    group.remove()
    assert group._name not in names(place)


def test_a_group_that_was_left_behind_is_removed_and_one_that_is_guarded_stays(place, group):
    stale = place.path / "lumo-stale"
    stale.mkdir()
    other = make_group_in(place, PLAN)
    assert not stale.exists()
    assert {group._name, other._name} <= names(place)
    other.remove()


def test_what_runs_in_a_group_that_was_left_behind_is_ended(place, group):
    left = Group(place.path, "lumo-left")
    pid = start(left, spin)
    left.close()
    make_group_in(place, PLAN).remove()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    make_group_in(place, PLAN).remove()
    assert "lumo-left" not in names(place)
