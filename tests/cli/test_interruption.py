"""The command as a process that gets signals."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from lumo_graph.checkpoints import list_unfinished

URL = "sqlite:///runs.db"
TOOLS = '''
import time
from pathlib import Path

def charge(amount: int) -> int:
    """Charge it."""
    with open("charged", "a") as file:
        file.write(f"{amount}\\n")
    return amount

def hang() -> str:
    """Wait for a file."""
    Path("hanging").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return "went"
'''
MODELS = """
from lumo_graph.testing import ScriptedModel
CODE = "```python\\ncharge(1)\\nprint('charged', flush=True)\\nimport time\\ntime.sleep(20)\\n```"
LAST = "```python\\nfinal_answer('done')\\n```"
endless = ScriptedModel(replies=[CODE, LAST])
rest = ScriptedModel(replies=[LAST])
hanging = ScriptedModel(replies=["```python\\nhang()\\n```", LAST])
"""


@pytest.fixture
def scripts(folder):
    (folder / "slow.py").write_text(MODELS)
    (folder / "charges.py").write_text(TOOLS)
    return folder


@pytest.fixture
def started(scripts, environment):
    """Starts the command; ends it whatever happens."""
    processes = []

    def start(*args):
        process = subprocess.Popen(
            [sys.executable, "-m", "lumo_graph.cli", *args],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(path):
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


RUN = ["run", "go", "--agent-type", "code-agent", "--tools", "charges.py", "--thread", "t"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
@pytest.mark.parametrize("json_lines", [[], ["--json"]], ids=["plain", "json"])
def test_a_signal_stops_the_run_and_the_command_it_prints_goes_on(started, scripts, lumo, number, json_lines):
    process = started(*RUN, "--model", "slow.py:endless", "--checkpointer", URL, *json_lines)
    wait_for(scripts / "charged")
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 7, error
    first, second, third = error.splitlines()
    assert first == "lumo: stopping: what runs now has 5 s to end. Another signal stops it at once."
    assert second == "lumo: stopped."
    command = third.removeprefix("The run is kept. Resume it: lumo ")
    assert [one.thread_id for one in list_unfinished(URL)] == ["t"]
    resumed = lumo(*shlex.split(command.replace("slow.py:endless", "slow.py:rest")))
    assert resumed.returncode == 0, resumed.stderr
    assert "done" in resumed.stdout
    assert (scripts / "charged").read_text() == "1\n"


def test_a_second_signal_stops_at_once_even_where_a_tool_cannot_be_stopped(started, scripts, lumo):
    process = started(*RUN, "--model", "slow.py:hanging", "--checkpointer", URL)
    wait_for(scripts / "hanging")
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline().startswith("lumo: stopping")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.startswith("lumo: interrupted.\nThe run is kept. Resume it: lumo resume t ")
    (scripts / "go").touch()
    assert (
        lumo("resume", "t", "--model", "slow.py:rest", "--tools", "charges.py", "--checkpointer", URL).returncode == 0
    )


def test_a_tool_that_cannot_be_stopped_does_not_hold_the_process(started, scripts):
    process = started(*RUN, "--model", "slow.py:hanging", "--checkpointer", URL)
    wait_for(scripts / "hanging")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 7


def test_what_is_stored_nowhere_cannot_be_gone_on_with(started, scripts):
    process = started(*RUN, "--model", "slow.py:endless", "--checkpointer", "memory://")
    wait_for(scripts / "charged")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Resume it" not in error


def test_the_runs_that_were_left_are_listed_and_gone_on_with(started, scripts, lumo):
    assert lumo("recover").returncode == 0
    process = started(*RUN, "--model", "slow.py:endless", "--checkpointer", URL)
    wait_for(scripts / "charged")
    store = ["--checkpointer", URL]
    assert lumo("recover", *store).stdout == "nothing to recover\n"  # a living process drives it
    process.kill()
    process.communicate()
    listed = lumo("recover", *store).stdout
    assert listed.startswith("t\t1 step\t")
    assert listed.endswith("\tgo\n")
    (line,) = lumo("recover", "--json", *store).stdout.splitlines()
    assert '"thread_id": "t"' in line
    assert lumo("recover", "--resume", *store).returncode == 2
    done = lumo("recover", "--resume", "--model", "slow.py:rest", "--tools", "charges.py", *store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("== t\t")
    assert "done" in done.stdout
    assert (scripts / "charged").read_text() == "1\n"
    assert lumo("recover", *store).stdout == "nothing to recover\n"


def test_one_run_that_fails_keeps_none_of_the_others_from_its_end(scripts, lumo):
    store = ["--checkpointer", URL]
    (scripts / "down.py").write_text(
        "from lumo_graph.testing import ScriptedModel\n"
        "ONE = '```python\\nx = 1\\n```'\n"
        "down = ScriptedModel(replies=[ONE, PermissionError('down')])\n"
        "once = ScriptedModel(replies=[PermissionError('down'), '```python\\nfinal_answer(x)\\n```'])\n"
    )
    for name in ("a", "b"):
        run = ["run", "go", "--agent-type", "code-agent", "--model", "down.py:down", "--thread", name]
        assert lumo(*run, *store).returncode == 4
    done = lumo("recover", "--resume", "--json", "--model", "down.py:once", *store)
    ended = [json.loads(line) for line in done.stdout.splitlines() if '"recovered"' in line]
    assert [(line["thread_id"], line["exit_code"]) for line in ended] == [("b", 4), ("a", 0)]
    assert done.returncode == 4
    done = lumo("recover", "--resume", "--model", "slow.py:rest", *store)
    assert (done.returncode, done.stdout.count("== ")) == (0, 1)


def test_a_signal_while_runs_are_recovered_stops_the_one_and_leaves_the_others(started, scripts, lumo):
    store = ["--checkpointer", URL]
    for name in ("a", "b"):
        process = started(*RUN[:-1], name, "--model", "slow.py:hanging", *store)
        wait_for(scripts / "hanging")
        process.kill()
        process.communicate()
        (scripts / "hanging").unlink()
    process = started("recover", "--resume", "--model", "slow.py:rest", "--tools", "charges.py", *store)
    wait_for(scripts / "hanging")
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 7, error
    assert out.count("== ") == 1
    assert {one.thread_id for one in list_unfinished(URL)} == {"a", "b"}


def test_a_signal_that_the_shell_has_ignored_stays_ignored(scripts, environment):
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m lumo_graph.cli {shlex.join(RUN)}"
    process = subprocess.Popen(
        ["sh", "-c", f"{command} --model slow.py:hanging --checkpointer {URL}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(scripts / "hanging")
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    (scripts / "go").touch()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
