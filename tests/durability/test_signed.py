"""A store that somebody has written to: signed variables are loaded as they were stored, or not at all."""

import sqlite3
from contextlib import closing

import pytest

from lumo_graph import resume, run
from lumo_graph.checkpoints import diff_thread, fork_thread, list_checkpoints
from lumo_graph.cli import main
from lumo_graph.errors import ModelError, SnapshotError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

KEY = bytes(range(32))


def code(text):
    return f"```python\n{text}\n```"


@pytest.fixture
def left(tmp_path):
    """The file of a thread that was left after two actions."""
    file = tmp_path / "runs.db"
    model = ScriptedModel([code("word = 'canary-one'"), code("more = [word]"), ConnectionError("down")])
    with pytest.raises(ModelError):
        run(
            "go", model, agent_type="code-agent", checkpointer=f"sqlite:///{file}", thread_id="t",
            retry=RetryPolicy(attempts=1), executor=ProcessExecutor(snapshot_key=KEY),
        )  # fmt: skip
    return file


def changed(file, old, new):
    """Put other bytes in the place of some, in what is stored of variables; how many rows there are."""
    with closing(sqlite3.connect(file)) as store:
        rows = store.execute("SELECT rowid, value FROM writes WHERE channel = 'namespace'").fetchall()
        hits = [(value.replace(old, new), row) for row, value in rows if old in value]
        store.executemany("UPDATE writes SET value = ? WHERE rowid = ?", hits)
        store.commit()
    return len(hits)


def goes_on(file, key=KEY, thread_id="t"):
    executor = ProcessExecutor(snapshot_key=key)
    model = ScriptedModel([code("final_answer([word, more])")])
    return resume(thread_id, model, checkpointer=f"sqlite:///{file}", executor=executor).answer


def test_a_thread_goes_on_with_its_key(left):
    assert goes_on(left) == ["canary-one", ["canary-one"]]


def test_what_was_changed_in_the_store_is_not_loaded_and_the_thread_stays_as_it_is(left):
    assert changed(left, b"canary-one", b"canary-two")
    with pytest.raises(SnapshotError, match="'word' was changed after it was signed"):
        goes_on(left)
    changed(left, b"canary-two", b"canary-one")
    assert goes_on(left) == ["canary-one", ["canary-one"]]


@pytest.mark.parametrize(("key", "said"), [((), "has no key"), (b"x" * 32, "another key")])
def test_without_the_right_key_nothing_is_loaded(left, key, said):
    with pytest.raises(SnapshotError, match=said):
        goes_on(left, key)
    assert goes_on(left) == ["canary-one", ["canary-one"]]


def test_forks_and_differences_of_signed_threads_need_no_key(left):
    url = f"sqlite:///{left}"
    asked = [one for one in list_checkpoints(url, "t") if one.next == ("generate_code",)][::-1]
    found = diff_thread(url, "t", asked[1].checkpoint_id, asked[2].checkpoint_id)
    assert [(one.name, one.change) for one in found.variables] == [("more", "added")]
    assert [one.changed for one in list_checkpoints(url, "t") if one.changed] == [("more",), ("word",)]
    fork_thread(url, "t", at=asked[2].checkpoint_id, new_thread_id="new")
    assert goes_on(left, thread_id="new") == ["canary-one", ["canary-one"]]


def test_the_command_takes_the_key_from_the_environment(left, tmp_path, monkeypatch, capsys):
    (tmp_path / "last.py").write_text(
        "from lumo_graph.testing import ScriptedModel\n"
        "def model():\n    return ScriptedModel(['```python\\nfinal_answer(word)\\n```'])\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ["resume", "t", "--model", "last.py:model", "--checkpointer", f"sqlite:///{left}"]
    for key, exit_code, said in (
        ("", 5, "LUMO_SNAPSHOT_KEY"),
        ((b"x" * 32).hex(), 5, "another key"),
        ("not hex", 2, "hexadecimal"),
        ("abcd", 2, "at least 16"),
        (KEY.hex(), 0, "canary-one"),
    ):
        monkeypatch.setenv("LUMO_SNAPSHOT_KEY", key)
        assert main(command) == exit_code
        out, error = capsys.readouterr()
        assert said in out + error
