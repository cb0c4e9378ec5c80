"""What a session may use, all its threads and processes together: memory, disk, processor time; and nothing at rest."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lumo_graph.executors import launch
from lumo_graph.executors.jail.plan import LAYERS, LayerError
from lumo_graph.executors.restoring import Attempts, Furniture
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.types import Limits
from tests.executors.conftest import Driver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells enough about processes")

JAILS = {
    "full": frozenset(LAYERS),
    "without namespaces": frozenset(LAYERS) - {"namespaces"},
    "none": frozenset(),
}
HELPERS = """
import os, signal, threading, time, resource
x = [1]
def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))
def spin():
    global n
    while True:
        n += 1
n = 0
None
"""


def start(layers, **limits):
    limits = Limits(**({"memory_mb": 256, "disk_mb": 8} | limits))
    try:
        started = launch.start_behind(layers, {}, Settings(), limits)
    except LayerError as failure:
        pytest.skip(f"{failure.layer}: {failure.reason}")
    Attempts({}, memory_mb=limits.memory_mb).furnish(started.link, Furniture())
    session = ProcessSession(
        started.link,
        started.isolation,
        (),
        memory_mb=limits.memory_mb,
        disk_mb=limits.disk_mb,
        cpu_seconds=limits.action_cpu_seconds,
    )
    driver = Driver(session)
    driver.do(HELPERS)
    return driver


@pytest.fixture(params=JAILS.values(), ids=JAILS)
def layers(request):
    return request.param


@pytest.fixture
def opened(layers):
    drivers = []

    def open_one(**limits):
        drivers.append(start(layers, **limits))
        return drivers[-1]

    yield open_one
    for driver in drivers:
        driver.session.close()


def stat_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def family(of=None):
    """What this process has started, each with the time it began."""
    stats = {int(entry.name): stat_of(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {of or os.getpid()}
    while more := {pid for pid, stat in stats.items() if stat and int(stat[1]) in found} - found:
        found |= more
    return {(pid, stats[pid][19]) for pid in found if stats.get(pid)}


@pytest.fixture
def watched(opened):
    """A session, and how to find its processes."""
    opened().session.close()  # there is a zygote now
    driver_before = family()
    driver = opened()

    def processes():
        return sorted(pid for pid, _ in family() - driver_before)

    return driver, processes


def is_still(pid):
    stat = stat_of(pid)
    return stat is None or stat[0] not in "RS"


def frozen(pid):
    # A process in a frozen group looks as if it slept.
    group = Path(f"/proc/{pid}/cgroup").read_text().rpartition("0::")[2].strip()
    return "lumo-" in group


def settle(processes):
    """Wait until the session is held still: all but its guard and its supervisor."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        running = [pid for pid in processes() if not is_still(pid) and not frozen(pid)]
        if len(running) <= 2:
            time.sleep(0.2)
            return
        time.sleep(0.01)
    pytest.fail(f"the session goes on: {[(pid, stat_of(pid)[0]) for pid in processes()]}")


def ticks(pids):
    return [sum(map(int, stat_of(pid)[11:13])) for pid in pids]


def leave_running(driver):
    driver.do(
        "threading.Thread(target=spin, daemon=True).start()\nfor _ in range(2):\n    if os.fork() == 0:\n"
        "        os.setpgrp()\n        if os.fork() == 0:\n            spin()\n        spin()"
    )


# -- nothing is used at rest -------------------------------------------------------------------------------------------


def test_threads_and_processes_that_are_left_behind_use_no_processor_time_between_actions(watched):
    driver, processes = watched
    leave_running(driver)
    settle(processes)
    pids = processes()
    assert len(pids) >= 6
    before = ticks(pids)
    time.sleep(0.5)
    assert ticks(pids) == before


def test_they_go_on_with_the_next_action(watched):
    driver, processes = watched
    leave_running(driver)
    for _ in range(3):
        settle(processes)
        assert driver.value("before = n\nwhile n < before + 1000: time.sleep(0.001)\nTrue") is True


def test_a_session_that_is_held_still_can_be_saved_and_goes_on(watched):
    driver, processes = watched
    leave_running(driver)
    settle(processes)
    assert "x" in driver.session.snapshot().changed
    driver.do("x.append(2)")
    settle(processes)
    assert "x" in driver.session.snapshot().changed
    settle(processes)
    assert driver.value("x") == [1, 2]


def test_a_session_that_is_held_still_can_be_undone(watched):
    driver, processes = watched
    if not driver.session.isolation.on.count("frozen copy"):
        pytest.skip(driver.session.isolation.off["frozen copy"])
    driver.do("x.append(2)")
    leave_running(driver)
    driver.do("x.append(3)")
    settle(processes)
    assert driver.session.rollback() is True
    settle(processes)
    assert driver.value("x") == [1, 2]


def test_a_session_that_is_held_still_can_be_closed(watched):
    driver, processes = watched
    leave_running(driver)
    settle(processes)
    driver.session.close()
    until = time.monotonic() + 20
    while processes() and time.monotonic() < until:
        time.sleep(0.01)
    assert processes() == []


def test_a_timer_of_an_earlier_action_goes_off_in_the_next_one(watched):
    driver, processes = watched
    driver.do(
        "rang = []\nsignal.signal(signal.SIGALRM, lambda *_: rang.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.15)"
    )
    settle(processes)
    before = ticks(processes())
    time.sleep(0.3)
    assert ticks(processes()) == before
    assert driver.value("time.sleep(0.05)\nrang") == [1]


def test_an_interrupt_between_actions_does_not_reach_the_next_one(watched):
    driver, processes = watched
    settle(processes)
    driver.session.interrupt()
    assert driver.value("x") == [1]


POKERS = {
    "each other": """
def poke(pid):
    while True:
        try:
            os.kill(pid, signal.SIGCONT)
        except OSError: pass
for _ in range(3):
    if os.fork() == 0:
        first = os.getpid()
        poke(os.fork() or first)
""",
    "themselves": """
def poke():
    while True:
        os.kill(os.getpid(), signal.SIGCONT)
for _ in range(3):
    threading.Thread(target=poke, daemon=True).start()
""",
}


@pytest.mark.parametrize("code", POKERS.values(), ids=POKERS)
def test_processes_that_let_each_other_go_are_held_still(watched, code):
    driver, processes = watched
    driver.do(code)
    settle(processes)
    pids = processes()
    before = ticks(pids)
    time.sleep(0.3)
    assert ticks(pids) == before
    assert driver.value("x") == [1]


HOST = """
import sys, time
from tests.executors.test_resources import JAILS, family, leave_running, settle, start
start(JAILS[sys.argv[1]]).session.close()
before = family()
driver = start(JAILS[sys.argv[1]])
leave_running(driver)
settle(lambda: sorted(pid for pid, _ in family() - before))
print([*family()], flush=True)
time.sleep(60)
"""


def test_nothing_is_left_when_its_host_is_killed_meanwhile(opened, layers):
    opened()  # or there is no such jail here
    name = next(name for name, found in JAILS.items() if found == layers)
    with subprocess.Popen(
        [sys.executable, "-c", HOST, name], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as host:
        assert host.stdout is not None
        found = dict(eval(host.stdout.readline()))  # noqa: S307 - our own
        host.kill()
    assert len(found) > 6
    until = time.monotonic() + 30
    while time.monotonic() < until:
        left = [pid for pid, began in found.items() if (stat := stat_of(pid)) and stat[19] == began and stat[0] != "Z"]
        if not left:
            break
        time.sleep(0.02)
    assert left == []


# -- processor time ----------------------------------------------------------------------------------------------------

BURNERS = {
    "loop": "while True: pass",
    "c": "sum(range(10**11))",
    "ignores": "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "child": "if os.fork() == 0:\n    while True: pass\ntime.sleep(60)",
    "grandchild": "if os.fork() == 0:\n    if os.fork() == 0:\n        while True: pass\n    os._exit(0)\n"
    "time.sleep(60)",
    "threads": "for _ in range(3): threading.Thread(target=spin, daemon=True).start()\ntime.sleep(60)",
    "short-lived": "while True:\n    if os.fork() == 0:\n        burn(0.02)\n        os._exit(0)\n    os.wait()",
    "unwaited": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    if os.fork() == 0:\n"
    "        burn(0.3)\n        os._exit(0)\n    time.sleep(0.35)",
    "orphans": "while True:\n    if os.fork() == 0:\n        if os.fork() == 0:\n            burn(0.02)\n"
    "        os._exit(0)\n    os.wait()\n    time.sleep(0.01)",
}


@pytest.mark.parametrize("code", BURNERS.values(), ids=BURNERS)
def test_an_action_that_uses_too_much_processor_time_is_undone(opened, code):
    driver = opened(action_cpu_seconds=0.5)
    done = driver.do(f"x.append(2)\n{code}", seconds=50)
    assert (done.error.kind, done.rolled_back) == ("TimeoutError", True)
    assert "used more than its 0.5 s of processor time" in done.error.message
    if driver.session.isolation.tier == "full":
        assert driver.value("x") == [1]
    else:
        assert not driver.session.alive


def test_the_line_that_used_it_is_named(opened):
    driver = opened(action_cpu_seconds=0.3)
    error = driver.error("x\nwhile True: pass", seconds=50)
    assert error.line == 2


def test_every_action_has_its_own_processor_time(opened):
    driver = opened(action_cpu_seconds=0.6)
    for _ in range(3):
        assert driver.do("burn(0.3)").error is None
        assert driver.do("if os.fork() == 0:\n    burn(0.2)\n    os._exit(0)\n_ = os.wait()").error is None


def test_time_in_which_an_action_waits_is_no_processor_time(opened):
    assert opened(action_cpu_seconds=0.2).do("time.sleep(0.5)").error is None


def test_each_process_has_a_limit_of_its_own_besides(opened):
    driver = opened(action_cpu_seconds=2)
    soft, hard = driver.value("[*resource.getrlimit(resource.RLIMIT_CPU)]")
    used = driver.value("sum(os.times()[:2])")
    assert 2 <= soft <= used + 4
    assert hard == -1
    error = driver.error("os.kill(os.getpid(), signal.SIGXCPU)")
    assert error.kind == "TimeoutError"
    assert "2 s of processor time" in error.message


def test_without_a_limit_there_is_none(opened):
    driver = opened()
    assert driver.value("resource.getrlimit(resource.RLIMIT_CPU)[0]") == -1
    error = driver.error("os.kill(os.getpid(), signal.SIGXCPU)")
    assert error.kind == "SessionDied"
    assert "SIGXCPU" in error.message


# -- memory and disk ---------------------------------------------------------------------------------------------------

HOARDERS = {
    "children": "for _ in range(6):\n    if os.fork() == 0:\n        hoard = bytearray(b'x') * (80 << 20)\n"
    "        time.sleep(60)\ntime.sleep(60)",
    "bomb": "def bomb():\n    hoard = bytearray(b'x') * (50 << 20)\n    while True:\n        try:\n"
    "            if os.fork() == 0:\n                bomb()\n            time.sleep(0.05)\n"
    "        except (OSError, MemoryError): pass\nif os.fork() == 0:\n    bomb()\ntime.sleep(60)",
}


@pytest.mark.parametrize("code", HOARDERS.values(), ids=HOARDERS)
def test_the_memory_of_all_processes_together_is_limited(opened, code):
    driver = opened()
    done = driver.do(code, seconds=50)
    assert (done.error.kind, done.rolled_back) == ("SessionDied", True)
    assert "more than 256 MiB of memory together" in done.error.message


WRITERS = {
    "files": "for n in range(20):\n    open(f'f{n}', 'wb').write(bytes(1 << 20))",
    "below": "os.makedirs('a/b/c')\nfor n in range(20):\n    open(f'a/b/c/f{n}', 'wb').write(bytes(1 << 20))",
    "hidden": "os.makedirs('a/b')\nfor n in range(20):\n    open(f'a/b/f{n}', 'wb').write(bytes(1 << 20))\n"
    "os.fchmod(os.open('a/b', os.O_RDONLY), 0)\nos.fchmod(os.open('a', os.O_RDONLY), 0o300)",
    "many": "for n in range(70_000):\n    os.mknod(f'f{n}')",
}


@pytest.mark.parametrize("waits", [False, True], ids=["and ends", "and waits"])
@pytest.mark.parametrize("code", WRITERS.values(), ids=WRITERS)
def test_the_disk_of_all_files_together_is_limited(opened, code, waits):
    driver = opened()
    done = driver.do(code + ("\ntime.sleep(60)" if waits else ""), seconds=50)
    if driver.session.isolation.tier == "full":  # it has a filesystem of its own
        assert done.error.kind == "OSError"
    else:
        assert (done.error.kind, done.rolled_back) == ("SessionDied", True)
        assert "8 MiB of disk" in done.error.message


def test_folders_so_deep_that_nobody_can_look_into_them_are_too_many(opened):
    driver = opened()
    if driver.session.isolation.tier == "full":
        pytest.skip("it has a filesystem of its own")
    error = driver.error("for _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')", seconds=50)
    assert "deeper than 128" in error.message


def test_files_within_the_limit_are_none_of_its_business(opened):
    driver = opened()
    code = (
        "for n in range(4):\n    open(f'f{n}', 'wb').write(bytes(1 << 20))\n    [os.link(f'f{n}', f'l{n}{m}') for m in "
        "range(9)]\nfor n in range(9):\n    open(f's{n}', 'wb').truncate(4 << 20)\nos.symlink('/', 'root')\n"
        "time.sleep(0.8)"
    )
    assert driver.do(code).error is None
    assert driver.value("x") == [1]
