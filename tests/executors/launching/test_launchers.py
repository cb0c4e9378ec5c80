"""Launchers that do not what they should: an error that says what, soon, and nothing is left of them."""

import os
import shutil
import signal
import sys
import time

import pytest

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors import ProcessExecutor, launch, launched
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec

ASK = ToolSpec(name="ask", parameters=(Parameter(name="what", annotation="str"),))

# Speaks like the worker until it is to start a session.
LIAR = """
import os, sys, time
from lumo_graph.executors.frames import Frames, pack
from lumo_graph.executors.worker.source import digest_source

def say(*message):
    data = pack(list(message), 1 << 30)
    while data:
        data = data[os.write(1, data):]

say("here", [digest_source(), [3, 11]])
os.read(0, 1 << 16)
"""

LIES = {
    "an unknown kind": "say('nonsense', 1)\ntime.sleep(100)",
    "no plain message": "os.write(1, b'\\0\\0\\0\\3abc')\ntime.sleep(100)",
    "a huge message": "os.write(1, b'\\x7f\\xff\\xff\\xff')\ntime.sleep(100)",
    "a message of another shape": "say('data', 'text')\ntime.sleep(100)",
    "an empty piece": "say('stdout', b'')\ntime.sleep(100)",
    "data without end": "while True: say('data', b'x' * (1 << 16))",
    "credit it does not have": "say('credit', 1 << 40)\ntime.sleep(100)",
    "orders without end": "while True: say('control', b'd0')",
    "a stream that was not renewed": "say('renewed', 'data')\ntime.sleep(100)",
    "two ends": "say('end', 'stdout')\nsay('end', 'stdout')\ntime.sleep(100)",
    "output after its end": "say('end', 'stdout')\nsay('stdout', b'x')\ntime.sleep(100)",
    "the end": "say('end', 'control')\ntime.sleep(100)",
    "nothing, and closes its output": "os.close(1)\ntime.sleep(100)",
}


def script(text):
    return [sys.executable, "-c", text]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("docker run", "must be a list, a command and its arguments, not 'docker run'"),
        (["env", ""], "it has ''"),
        (["env", 7], "it has 7"),
        (["no-such-launcher", "run"], "begins with 'no-such-launcher', but there is no such command: install it"),
    ],
    ids=["a string", "an empty part", "a number", "no command"],
)
def test_a_launch_that_is_no_command_is_refused_before_any_work(command, told):
    with pytest.raises(ConfigurationError, match=told):
        ProcessExecutor(launch=command)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (script("print('hello')"), "not the worker's.*nothing else there"),
        (script("import sys\nprint('no such image', file=sys.stderr)\nsys.exit(3)"), "status 3.*no such image"),
        (script("import os\nwhile True: os.write(1, bytes(range(256)) * 256)"), "not the worker's"),
        (
            script("import os\nfor _ in range(99): os.write(2, b'y' * 65536)\nos.write(2, b'the end')"),
            "yyy the end|ythe end",
        ),
        (script("import os\nos.kill(os.getpid(), 9)"), "status -9"),
        (
            [
                "sh",
                "-c",
                'exec "$0" "$@" <&-',
                "env",
                f"PYTHONPATH={launched.__file__.rpartition('/lumo_graph/')[0]}",
                sys.executable,
            ],
            "status 1",
        ),
        (
            ["env", "-i", "PYTHONPATH=/nonexistent", sys.executable, "-S"],
            "No module named.*It has to start a Python 3.11",
        ),
        (["false"], "'false' ended with status 1"),
    ],
    ids=["prints", "refuses", "floods", "floods errors", "dies", "has no input", "has no packages", "is no Python"],
)
def test_a_launcher_that_starts_no_worker_is_told(command, told):
    executor = ProcessExecutor(require="none", launch=command)
    with pytest.raises(ExecutorError, match=told):
        executor.open(limits=Limits())
    with pytest.raises(ExecutorError, match=told):
        _ = executor.python_version


def test_a_launcher_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(launched, "_START_SECONDS", 2.0)
    deaf = "import signal, sys, time\nsignal.signal(15, signal.SIG_IGN)\n"
    command = script(f"{deaf}print('pulling', file=sys.stderr, flush=True)\ntime.sleep(100)")
    with pytest.raises(ExecutorError, match="started no session in 2 s.*pulling"):
        ProcessExecutor(require="none", launch=command).open(limits=Limits())


def test_another_version_of_the_worker_is_told_from_ours(python, tmp_path):
    shutil.copytree(python[1].partition("=")[2] + "/lumo_graph", tmp_path / "lumo_graph")
    with (tmp_path / "lumo_graph" / "executors" / "link.py").open("a") as file:
        file.write("# another version\n")
    executor = ProcessExecutor(require="none", launch=["env", f"PYTHONPATH={tmp_path}", sys.executable])
    with pytest.raises(ExecutorError, match="has other code of lumo_graph.*Install the same version there"):
        executor.open(limits=Limits())


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_worker_that_lies_is_ended(python, lie):
    executor = ProcessExecutor(require="none", launch=[*python, "-c", LIAR + lie])
    with pytest.raises(ExecutorError):
        executor.open(limits=Limits())


def test_a_worker_that_ends_says_why(python):
    lie = "print('out of memory', file=sys.stderr)\nsys.exit(137)"
    with pytest.raises(ExecutorError, match="'env' has ended. It said: out of memory"):
        ProcessExecutor(require="none", launch=[*python, "-c", LIAR + lie]).open(limits=Limits())


def test_a_worker_that_takes_and_says_nothing_is_given_up(python, monkeypatch):
    monkeypatch.setattr(launch, "_JAIL_SECONDS", 1.0)
    with pytest.raises(ExecutorError, match="took too long"):
        ProcessExecutor(require="none", launch=[*python, "-c", f"{LIAR}time.sleep(100)"]).open(limits=Limits())


def test_what_was_launched_stands_still_in_the_middle_of_an_action(python, below):
    before = below(os.getpid())
    session = ProcessExecutor(require="none", launch=python).open(tools=[ASK], limits=Limits())
    started = below(os.getpid()) - before
    (top,) = [pid for pid in started if os.getsid(pid) == pid and started - {pid} <= below(pid)]

    def serve(_):
        os.kill(top, signal.SIGSTOP)
        return ToolReply()

    begun = time.monotonic()
    done = session.execute("ask('stop')", seconds=0.5, serve=serve)
    session.close()
    assert (done.error.kind, done.rolled_back, session.alive) == ("TimeoutError", True, False)
    assert time.monotonic() - begun < 30
