import json
import os

import pytest

from lumo_graph import run
from lumo_graph.checkpoints import hold_thread, open_checkpointer
from lumo_graph.cli import main
from lumo_graph.testing import ScriptedModel

URL = "sqlite:///runs.db"


@pytest.fixture
def two(folder):
    """A store with two threads."""
    for name in "ab":
        run(f"task {name}", ScriptedModel(["yes"]), checkpointer=URL, thread_id=name)


def listed(capsys):
    assert main(["threads", "--checkpointer", URL, "--json"]) == 0
    return {json.loads(line)["thread_id"] for line in capsys.readouterr().out.splitlines()}


def test_a_dry_run_says_what_would_go_and_leaves_it(two, capsys):
    assert main(["threads", "prune", "--ended", "--dry-run", "--checkpointer", URL]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["b", "a"]
    assert all("would remove" in line and "the whole thread" in line for line in lines)
    assert listed(capsys) == {"a", "b"}


def test_pruning_keeps_the_newest_checkpoints(two, capsys):
    assert main(["threads", "--checkpointer", URL, "prune", "--keep", "1", "--yes", "--json"]) == 0
    assert [json.loads(line)["kept"] for line in capsys.readouterr().out.splitlines()] == [1, 1]
    assert listed(capsys) == {"a", "b"}
    assert main(["threads", "prune", "--keep", "1", "--yes", "--checkpointer", URL]) == 0
    assert capsys.readouterr().out == "nothing to prune\n"


def test_a_thread_that_waits_for_a_person_is_listed_as_one(folder, capsys):
    def send(to: str) -> str:
        """Send."""
        return to

    def fail(messages):
        raise KeyboardInterrupt

    asks = ScriptedModel(["```python\nsend('a')\n```"])
    run(
        "ask", asks, tools=[send], agent_type="code-agent", interrupt_on={"send": True}, checkpointer=URL, thread_id="a"
    )
    with pytest.raises(KeyboardInterrupt):
        run("stop", ScriptedModel([fail]), checkpointer=URL, thread_id="b")
    assert main(["threads", "--checkpointer", URL]) == 0
    outcomes = {line.split("\t")[0]: line.split("\t")[3] for line in capsys.readouterr().out.splitlines()[1:]}
    assert outcomes == {"a": "waits for a person: lumo resume", "b": "unfinished: lumo resume"}


def test_without_yes_nobody_is_asked_where_nobody_is(two, capsys, lumo):
    for command in (["prune", "--ended"], ["delete", "a"]):
        done = lumo("threads", *command, "--checkpointer", URL)
        assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert listed(capsys) == {"a", "b"}


def test_a_thread_is_deleted(two, capsys):
    assert main(["threads", "delete", "a", "--yes", "--checkpointer", URL]) == 0
    assert listed(capsys) == {"b"}
    assert main(["threads", "delete", "a", "--yes", "--checkpointer", URL]) == 2
    assert "no thread 'a'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], "what to prune: --keep 10, --older-than 30d or --ended"),
        (["--older-than", "soon"], "30d"),
        (["--keep", "0"], "not 0"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(two, capsys, options, named):
    assert main(["threads", "prune", "--yes", *options, "--checkpointer", URL]) == 2
    assert named in capsys.readouterr().err


def test_age_is_counted_from_the_last_use(two, capsys):
    assert main(["threads", "prune", "--older-than", "1h", "--yes", "--checkpointer", URL]) == 0
    assert capsys.readouterr().out == "nothing to prune\n"
    assert main(["threads", "prune", "--older-than", "0d", "--yes", "--checkpointer", URL]) == 0
    assert capsys.readouterr().out.count("the whole thread") == 2
    assert listed(capsys) == set()


def test_a_thread_in_use_has_an_exit_code_and_names_its_holder(two, capsys):
    with open_checkpointer(URL) as saver, hold_thread(saver, "a"):
        run_it = ["run", "x", "--model", "models.py:words", "--thread", "a", "--checkpointer", URL]
        assert main(run_it) == 6
        assert main(["threads", "delete", "a", "--yes", "--checkpointer", URL]) == 6
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.startswith(f"lumo: Thread 'a' is in use: process {os.getpid()} on ") for line in told)


def test_a_password_is_nowhere_to_be_seen(folder, postgres, lumo):
    url = postgres.new_database()
    shown = url.replace(url.split(":")[2].split("@")[0], "***")
    told = [
        lumo("run", "x", "--model", "models.py:words", "--thread", "t", "--checkpointer", url),
        lumo("threads", "--checkpointer", url),
        lumo("doctor", LUMO_CHECKPOINTER=url),
        lumo("doctor", "--json", "--checkpointer", url),
        lumo("resume", "t", "--model", "models.py:words", LUMO_CHECKPOINTER=url),
        # As the command that was shown, where the password is in the environment.
        lumo("resume", "t", "--model", "models.py:words", "--checkpointer", shown, LUMO_CHECKPOINTER=url),
        lumo("resume", "t", "--model", "models.py:words", "--checkpointer", shown),
        lumo("run", "x", "--model", "models.py:words", "--checkpointer", url + "x"),
    ]
    assert [done.returncode for done in told] == [0, 0, 0, 0, 0, 0, 2, 2], [done.stderr for done in told]
    assert all("s3cret" not in done.stdout + done.stderr for done in told)
    assert f"--checkpointer '{shown}'" in told[0].stdout
    assert f"{shown} · writable" in told[2].stdout
    assert "LUMO_CHECKPOINTER" in told[6].stderr
