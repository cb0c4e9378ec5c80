import json

import pytest

from lumo_graph import run
from lumo_graph.cli import main
from lumo_graph.cli.history import id_length
from lumo_graph.testing import ScriptedModel

URL = "sqlite:///runs.db"
STORE = ["--checkpointer", URL]


def code(text):
    return f"```python\n{text}\n```"


@pytest.fixture
def thread(folder):
    """A thread with two actions behind it, one of which has printed what no terminal may get."""
    model = ScriptedModel(
        [code("x = '\\x1b[2J'\nopen('made', 'w').write('1')"), code("x += 'y'"), code("final_answer(len(x))")]
    )
    run("the\ttask", model, agent_type="code-agent", checkpointer=URL, thread_id="t")
    return "t"


def rows(capsys):
    assert main(["history", "t", *STORE]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    names = head.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def test_the_history_is_a_line_a_checkpoint_with_the_newest_first(thread, capsys):
    found = rows(capsys)
    assert [int(row["at"]) for row in found] == [*range(len(found) - 1, -1, -1)]
    assert (found[0]["then"], found[-1]["then"]) == ("end: answered", "start")
    assert [row["changed"] for row in found if row["changed"]] == ["x", "x"]
    assert {row["task"] for row in found} == {"the task", ""}


def test_the_history_as_json_has_a_line_a_checkpoint(thread, capsys):
    assert main(["history", "t", "--json", *STORE]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (found[0]["next"], found[0]["outcome"], found[1]["next"]) == ([], "answered", ["answer"])
    assert {"number", "checkpoint_id", "parent_id", "created_at", "changed", "waiting"} <= found[0].keys()


def test_a_difference_names_what_was_added_changed_and_removed(thread, capsys):
    empty, one, two = [row["checkpoint"] for row in rows(capsys) if row["then"] == "generate_code"][::-1]
    assert main(["diff", "t", empty, two, *STORE]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "  + x  " in shown
    assert "  + made  1 byte\n" in shown
    assert main(["diff", "t", one, two, *STORE]) == 0
    assert "~ x  '\\x1b[2J' -> '\\x1b[2Jy' · " in capsys.readouterr().out
    assert main(["diff", "t", two, one, "--json", *STORE]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(item["name"], item["change"]) for item in found["variables"]] == [("x", "changed")]
    assert main(["diff", "t", one, one, *STORE]) == 0
    assert capsys.readouterr().out.endswith("no variable and no file differs\n")


def test_a_fork_is_resumed_by_the_command_it_prints(thread, capsys, folder, lumo):
    at = next(row["at"] for row in rows(capsys)[::-1] if row["then"] == "generate_code" and row["steps"] == "1")
    done = lumo("fork", "t", "--at", at, "--as", "new", *STORE)
    assert done.returncode == 0, done.stderr
    assert "tool calls from there on are made again" in done.stdout
    command = done.stdout.splitlines()[-1].removeprefix("go on: lumo ").split()
    (folder / "more.py").write_text(
        "from lumo_graph.testing import ScriptedModel\nmodel = ScriptedModel(['```python\\nfinal_answer(x)\\n```'])"
    )
    went = lumo(*command, "--model", "more.py:model")
    assert went.returncode == 0, went.stderr
    assert "\\x1b[2J\n" in went.stdout
    done = lumo("fork", "t", "--at", "0", "--json", *STORE)
    made = json.loads(done.stdout)
    assert (made["from_thread_id"], made["origin"]["number"]) == ("t", 0)


def test_a_fork_of_the_end_gets_the_next_task(thread, capsys):
    assert main(["fork", "t", "--at", rows(capsys)[0]["at"], "--as", "new", *STORE]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"go on: lumo run TASK --thread new --checkpointer {URL}"


@pytest.mark.parametrize(
    "command",
    [
        ["history", "nosuch"],
        ["fork", "nosuch", "--at", "1"],
        ["diff", "nosuch", "1", "2"],
        ["threads", "delete", "nosuch"],
    ],
)
def test_a_thread_that_is_not_there_is_a_usage_error_that_names_those_that_are(thread, capsys, command):
    assert main([*command, *STORE]) == 2
    assert "no thread 'nosuch' in this store. It has 't'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["history", "t"], ["fork", "t", "--at", "1"], ["diff", "t", "1", "2"], ["threads", "delete", "t"]]
)
def test_a_store_that_is_not_there_is_a_usage_error_and_none_is_made(folder, capsys, command):
    assert main(command) == 2
    assert "no checkpoint file" in capsys.readouterr().err
    assert not [*folder.rglob("*.db")]


def test_a_checkpoint_that_is_not_there_is_a_usage_error(thread, capsys):
    for command in (["fork", "t", "--at", "nosuch"], ["diff", "t", "nosuch", "1"]):
        assert main([*command, *STORE]) == 2
        assert "no checkpoint 'nosuch'" in capsys.readouterr().err


def test_ids_are_cut_where_the_shortest_of_them_still_differ():
    assert id_length(["a" * 20]) == 8
    assert id_length(["a" * 12 + "b", "a" * 12 + "c", "d" * 13]) == 13
    assert id_length(["a" * 9, "a" * 9 + "b"]) == 10
    assert id_length([]) == 8


def test_the_room_of_the_code_is_an_option_of_the_command(folder, lumo):
    (folder / "big.py").write_text(
        "from lumo_graph.testing import ScriptedModel\n"
        "model = ScriptedModel(['```python\\nopen(\"f\", \"wb\").write(bytes(3 << 20))\\n```', 'too large'])"
    )
    options = ["--model", "big.py:model", "--agent-type", "code-agent", "--json", "--max-debug-attempts", "1"]
    events = lumo("run", "x", *options, "--disk-mb", "1", "--memory-mb", "256", *STORE)
    steps = [json.loads(line) for line in events.stdout.splitlines() if '"type": "step"' in line]
    assert steps[0]["step"]["error"] is not None, events.stdout
    assert lumo("run", "x", *options, "--disk-mb", "0", *STORE).returncode == 2
