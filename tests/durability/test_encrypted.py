"""A store whose file gives nothing away: LangGraph's encrypted serializer, under a run that is killed and goes on."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from lumo_graph import resume, run
from lumo_graph.checkpoints import (
    diff_thread,
    fork_thread,
    list_checkpoints,
    list_threads,
    list_unfinished,
    prune_threads,
)
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects

ROOT = Path(__file__).parents[2]
CODE = """\
variable_canary = 'value-canary' * 3
open('file-canary.txt', 'w').write('content-canary')
print('output-canary')
noted = note('argument-canary')
may_die()
"""
CANARIES = (
    "task-canary", "variable_canary", "value-canary", "file-canary", "content-canary", "output-canary",
    "argument-canary", "result-canary", "final_answer",
)  # fmt: skip


def code(text):
    return f"```python\n{text}\n```"


def note(text: str) -> str:
    """Note a text."""
    with Path("notes").open("a") as file:
        file.write(f"{text}\n")
    return "result-canary"


def may_die() -> None:
    """End this process, the first time."""
    if not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)


TOOLS = [note, declare_effects(may_die, effects="none")]


@contextmanager
def opened(file, key=b"k" * 32):
    """A store in a file that is encrypted with a key."""
    with SqliteSaver.from_conn_string(str(file)) as store:
        store.serde = EncryptedSerializer.from_pycryptodome_aes(key=key)
        yield store


def start(file):
    """What the process that is killed does."""
    with opened(file) as store:
        model = ScriptedModel([code(CODE)])
        run("task-canary", model, tools=TOOLS, agent_type="code-agent", checkpointer=store, thread_id="t")


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in folder.glob("runs.db*") if path.is_file())


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """The folder of a run that was killed in the middle of an action."""
    monkeypatch.chdir(tmp_path)
    program = "import sys\nfrom tests.durability.test_encrypted import start\nstart(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "runs.db")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    return tmp_path


def test_a_run_goes_on_from_an_encrypted_store_and_its_file_gives_nothing_away(killed):
    stored = bytes_of(killed)
    assert len(stored) > 10_000
    assert [canary for canary in CANARIES if canary.encode() in stored] == []
    with opened(killed / "runs.db") as store:
        model = ScriptedModel([code("final_answer([variable_canary, noted, open('file-canary.txt').read()])")])
        done = resume("t", model, tools=TOOLS, checkpointer=store)
        while_open = bytes_of(killed)
    assert done.answer == ["value-canary" * 3, "result-canary", "content-canary"]
    assert Path("notes").read_text() == "argument-canary\n"
    for stored in (while_open, bytes_of(killed)):
        assert [canary for canary in CANARIES if canary.encode() in stored] == []


def test_the_same_run_in_a_plain_store_gives_all_of_it_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("died").touch()
    model = ScriptedModel([code(CODE), code("final_answer(noted)")])
    run("task-canary", model, tools=TOOLS, agent_type="code-agent", checkpointer="sqlite:///runs.db", thread_id="t")
    assert [canary for canary in CANARIES if canary.encode() not in bytes_of(tmp_path)] == []


def test_history_forks_differences_and_pruning_work_on_an_encrypted_store(killed):
    with opened(killed / "runs.db") as store:
        assert [one.thread_id for one in list_unfinished(store)] == ["t"]
        model = ScriptedModel([code("x = 1"), code("final_answer(x)")])
        assert resume("t", model, tools=TOOLS, checkpointer=store).answer == 1
        first, second, last = [one for one in list_checkpoints(store, "t") if one.next == ("generate_code",)][::-1]
        found = diff_thread(store, "t", first.checkpoint_id, second.checkpoint_id)
        assert {"variable_canary", "noted"} <= {one.name for one in found.variables}
        fork = fork_thread(store, "t", at=last.checkpoint_id)
        again = ScriptedModel([code("final_answer([x, noted])")])
        assert resume(fork.thread_id, again, tools=TOOLS, checkpointer=store).answer == [1, "result-canary"]
        prune_threads(store, keep=2)
        assert {one.outcome for one in list_threads(store)} == {"answered"}
    assert [canary for canary in CANARIES if canary.encode() in bytes_of(killed)] == []


def test_another_key_opens_nothing(killed):
    with opened(killed / "runs.db", b"x" * 32) as store, pytest.raises(ValueError, match="MAC check failed"):
        resume("t", ScriptedModel([]), tools=TOOLS, checkpointer=store)
