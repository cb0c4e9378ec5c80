"""Sessions in a Python that was launched do what all sessions do."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lumo_graph.errors import ExecutorError, IsolationError, SnapshotError
from lumo_graph.executors import ProcessExecutor, launch
from lumo_graph.testing.contract import RULES
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec

LIMITS = Limits(memory_mb=1024, disk_mb=8)
ASK = ToolSpec(name="ask", parameters=(Parameter(name="what", annotation="str"),))
FETCH = ToolSpec(name="fetch", parameters=(Parameter(name="key", annotation="int"),), is_async=True)
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"

HOST = """
import sys
from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits, ToolReply
session = ProcessExecutor(require="none", launch=sys.argv[1:]).open(limits=Limits())
code = "import os\\nif os.fork() == 0:\\n    os.setpgrp()\\n    while True: pass"
session.execute(code, seconds=30, serve=lambda _: ToolReply())
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def session(launched):
    session = launched.open(tools=[ASK, FETCH], limits=LIMITS)
    yield session
    session.close()


@pytest.fixture
def freezing(session):
    if "frozen copy" not in session.isolation.on:
        pytest.skip(f"no copies are frozen here: {session.isolation.off['frozen copy']}")
    return session


def run(session, code, *, seconds=30.0, serve=None):
    return session.execute(code, seconds=seconds, serve=serve or (lambda _: ToolReply()))


def value(session, code, **more):
    done = run(session, code, **more)
    assert done.error is None, done.error
    return done.value.json


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_contract_of_executors_holds(launched, rule):
    rule(launched)


def test_the_report_names_the_launcher_and_the_layers_inside(session):
    report = session.isolation
    assert report.on[0] == "launched by 'env' (what it contains is up to it)"
    assert "rlimits" in report.on


def test_what_is_launched_says_its_version_and_its_packages(launched):
    assert launched.python_version == sys.version_info[:2]
    assert "numpy" in launched.packages


def test_a_launcher_is_run_once_to_find_out(python, tmp_path):
    count = tmp_path / "count"
    command = ["sh", "-c", f'echo >> {count}; exec "$@"', "sh", *python]
    executors = [ProcessExecutor(launch=command) for _ in range(2)]
    found = [(executor.python_version, tuple(executor.packages)) for executor in executors]
    assert found[0] == found[1]
    assert count.read_text() == "\n"


def test_preloaded_modules_are_there_before_any_code(python):
    session = ProcessExecutor(require="none", launch=python, preload=["colorsys"]).open(limits=LIMITS)
    assert value(session, "import sys\n'colorsys' in sys.modules") is True
    session.close()


def test_a_preload_that_is_missing_there_is_named(python):
    executor = ProcessExecutor(require="none", launch=python, preload=["no_such_package"])
    with pytest.raises(ExecutorError, match="'env' has started cannot load no_such_package: ModuleNotFoundError"):
        executor.open(limits=LIMITS)


def test_neither_launcher_nor_session_gets_the_hosts_environment(python, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "hidden")
    seen = tmp_path / "seen"
    command = ["sh", "-c", f'env > {seen}; exec "$@"', "sh", *python]
    session = ProcessExecutor(require="none", launch=command).open(limits=LIMITS)
    inside = value(session, "import os\nstr(dict(os.environ))")
    raw = run(session, "print(open('/proc/self/environ').read())").stdout
    session.close()
    assert "PATH=" in seen.read_text()
    assert "hidden" not in seen.read_text() + inside + raw
    assert "PYTHONPATH" not in inside


def test_output_comes_before_the_end_of_its_action(session):
    for number in range(100):
        assert run(session, f"print({number})\nimport sys\nprint({number}, file=sys.stderr)").stdout == f"{number}\n"
    assert run(session, "for n in range(20_000): print(n)").stdout.endswith("19999\n")


def test_large_values_go_through_both_ways(session, launched):
    text = "x" * (5 << 20)
    assert value(session, "len(ask('big'))", serve=lambda _: ToolReply(value=text)) == len(text)
    run(session, "import random\nblobs = [random.randbytes(1 << 20) for _ in range(20)]\ntotal = sum(map(hash, blobs))")
    snapshot = session.snapshot()
    again = launched.open(
        {name: blob for name, blob in snapshot.changed.items() if blob is not None}, tools=[ASK, FETCH], limits=LIMITS
    )
    assert value(again, "sum(map(hash, blobs)) == total") is True
    again.close()


def test_many_calls_are_gathered(session):
    code = "import asyncio\nawait asyncio.gather(*(fetch(n) for n in range(100)))"
    assert value(session, code, serve=lambda request: ToolReply(value=request.args["key"])) == list(range(100))


def test_a_stopped_action_is_undone_in_the_same_session(freezing):
    run(freezing, "x = 1\nnumbers = iter(range(10))\nnext(numbers)")
    done = run(freezing, f"{DEAF}x = 2\nnext(numbers)\nwhile True: pass", seconds=0.5)
    assert (done.error.kind, done.rolled_back, freezing.alive) == ("TimeoutError", True, True)
    assert value(freezing, "x, next(numbers)") == [1, 1]


def test_an_action_is_undone_while_it_floods_its_output(freezing):
    run(freezing, "x = 1")
    done = run(freezing, f"{DEAF}x = 2\nwhile True: print('y' * 1000)", seconds=0.5)
    assert (done.error.kind, freezing.alive) == ("TimeoutError", True)
    assert run(freezing, "print(x)").stdout == "1\n"


def test_an_action_is_undone_while_a_result_is_stuck_before_it(freezing):
    run(freezing, "x = 1")
    code = "x = 2\nimport os, threading\nthreading.Thread(target=ask, args=['big'], daemon=True).start()\n"
    stop = "import time\ntime.sleep(0.1)\nos.kill(os.getpid(), 19)"  # it takes nothing any more

    def serve(_):
        time.sleep(0.3)
        return ToolReply(value="x" * (16 << 20))

    done = run(freezing, code + stop, seconds=1, serve=serve)
    assert (done.error.kind, freezing.alive) == ("TimeoutError", True)
    assert value(freezing, "x") == 1


def test_the_last_action_can_be_taken_back(freezing):
    run(freezing, "x = 1")
    run(freezing, "x = 2")
    assert freezing.rollback()
    assert value(freezing, "x") == 1


def test_a_session_whose_process_dies_goes_on_from_before(freezing):
    run(freezing, "x = 1")
    done = run(freezing, "print('last')\nx = 2\nimport os\nos.kill(os.getpid(), 9)")
    assert (done.error.kind, done.stdout, freezing.alive) == ("SessionDied", "last\n", True)
    assert "SIGKILL" in done.error.message
    assert value(freezing, "x") == 1


def test_what_was_launched_is_killed_in_the_middle_of_an_action(launched, below):
    before = below(os.getpid())
    session = launched.open(tools=[ASK], limits=LIMITS)
    started = below(os.getpid()) - before
    handles = [os.pidfd_open(pid) for pid in started]
    (top,) = [pid for pid in started if os.getsid(pid) == pid and started - {pid} <= below(pid)]

    def serve(_):
        os.kill(top, signal.SIGKILL)
        return ToolReply()

    done = run(session, "ask('kill')\nwhile True: pass", serve=serve)
    assert (done.error.kind, done.rolled_back, session.alive) == ("SessionDied", True, False)
    assert "SIGKILL" in done.error.message
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 20)
        os.close(handle)
        assert ended


def test_a_host_that_is_killed_leaves_no_process(python, below):
    with subprocess.Popen(
        [sys.executable, "-c", HOST, *python],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as host:
        assert host.stdout.readline() == b"ready\n"
        handles = [os.pidfd_open(pid) for pid in below(host.pid)]
        host.send_signal(signal.SIGKILL)
    assert len(handles) >= 4  # what was launched, the guard, the session, and the child its code forked
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 30)
        os.close(handle)
        assert ended


def test_a_child_that_the_host_forks_keeps_no_session_alive(launched):
    session = launched.open(limits=LIMITS)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    assert value(session, "40 + 2") == 42
    started = time.monotonic()
    session.close()
    took = time.monotonic() - started
    os.close(writing)
    os.waitpid(child, 0)
    assert took < 4.5  # its end was seen, not given up on


def test_a_forked_host_launches_its_own(launched):
    session = launched.open(limits=LIMITS)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = launched.open(limits=LIMITS)
            os.write(writing, repr(value(own, "6 * 7")).encode())
            own.close()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == "42"
    os.waitpid(child, 0)
    assert value(session, "1") == 1
    session.close()


def test_layers_that_one_launcher_lacks_are_not_missed_elsewhere(python, launched, monkeypatch):
    command = ("nice", *python)
    monkeypatch.setitem(launch._missing, command, {"namespaces": "none here"})
    session = ProcessExecutor(require="none", launch=command).open(limits=LIMITS)
    assert session.isolation.off["namespaces"] == "none here"
    assert value(session, "1") == 1
    session.close()
    with pytest.raises(IsolationError, match="inside what 'nice' starts.*require='none'"):
        ProcessExecutor(require="full", launch=command).open(limits=LIMITS)
    session = launched.open(limits=LIMITS)
    assert session.isolation.off.get("namespaces") != "none here"
    session.close()


def test_another_python_runs_sessions_too(other):
    version, command = other
    executor = ProcessExecutor(require="none", launch=command)
    assert executor.python_version == version
    session = executor.open(tools=[ASK], limits=LIMITS)
    assert value(session, "import sys\nlist(sys.version_info[:2])") == list(version)
    assert value(session, "ask('x')", serve=lambda request: ToolReply(value=request.args["what"])) == "x"
    run(session, "def double(n): return 2 * n")
    snapshot = session.snapshot()
    session.close()
    again = executor.open(dict(snapshot.changed), tools=[ASK], limits=LIMITS)
    assert value(again, "double(4)") == 8
    again.close()


def test_a_namespace_of_another_python_is_refused_by_name(session, other):
    run(session, "x = 1")
    version, command = other
    told = f"saved with python '3.{sys.version_info.minor}', this session has python '3.{version[1]}'"
    with pytest.raises(SnapshotError, match=told):
        ProcessExecutor(require="none", launch=command).open(dict(session.snapshot().changed), limits=LIMITS)
