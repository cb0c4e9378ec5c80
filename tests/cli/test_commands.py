import json
import os
import pty
import shlex
import signal
import subprocess
import sys

import pytest

from lumo_graph.cli import main
from lumo_graph.testing import Fault, ScriptedOpenAI

CODE_AGENT = ("--agent-type", "code-agent", "--tools", "mytools.py")


def test_help_lists_the_commands_and_imports_nothing_heavy(environment):
    heavy = {"langgraph", "langchain_core", "pydantic", "rich", "msgpack"}
    script = f"import sys; from lumo_graph.cli import main; main(['--help']); print({heavy} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert all(command in shown.stdout for command in ("run", "resume", "threads", "doctor", "demo", "130 interrupted"))
    assert shown.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra_one_line_says_what_to_install(environment, package):
    script = (
        f"import sys; sys.modules[{package!r}] = None; from lumo_graph.cli import main; sys.exit(main(['threads']))"
    )
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (2, f"lumo needs {package!r}: pip install 'lumo-graph[cli]'\n")


def test_a_run_in_prose(folder, capsys):
    assert main(["run", "What is it?", "--model", "models.py:words"]) == 0
    assert capsys.readouterr().out.startswith("It is 42.\n[step 1]\n\nanswered · 1 step · 1 model call · ")


def test_a_run_with_code_calls_the_tools_and_says_how_to_go_on(folder, capsys):
    assert main(["run", "Double 21", "--model", "models.py:code", *CODE_AGENT, "--thread", "my thread"]) == 0
    out = capsys.readouterr().out
    for part in (
        "I double it.",
        "    x = double(21)",
        "> double(n=21) -> 42 (",
        "  | x is 42",
        '[answer]\n{\n  "x": 42\n}',
    ):
        assert part in out
    assert out.endswith(
        "thread my thread · go on: lumo run TASK --thread 'my thread' --agent-type code-agent "
        "--model models.py:code --tools mytools.py\n"
    )


def test_a_run_with_native_calls(folder, capsys):
    assert main(["run", "Double 4", "-m", "models.py:calls", "-t", "mytools:double"]) == 0
    out = capsys.readouterr().out
    assert out.index("I call it.\n") < out.index("  > double(n=4) -> 8 (")
    assert "Eight.\n[step 2]" in out


def test_the_task_comes_from_stdin(lumo):
    done = lumo("run", "-", "--model", "models.py:words", "--json", stdin="What is it?")
    assert done.returncode == 0
    assert json.loads(lumo("threads", "--json").stdout)["task"] == "What is it?"


def test_json_is_events_and_nothing_else(lumo):
    done = lumo("run", "Double 21", "--model", "models.py:code", *CODE_AGENT, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [event["type"] for event in events if event["type"] != "token"] == [
        "code", "tool_call", "tool_result", "output", "observation", "step", "code", "observation", "step", "answer",
    ]  # fmt: skip
    assert events[-1]["answer"] == {"x": 42}
    assert done.stderr == "a tool prints\n"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_options_come_from_the_environment_too(folder, monkeypatch, capsys, how):
    if how == "variable":
        monkeypatch.setenv("LUMO_MODEL", "models.py:words")
        monkeypatch.setenv("LUMO_CHECKPOINTER", "sqlite:///other.db")
        assert main(["run", "x"]) == 0
    else:
        assert main(["run", "x", "--model", "models.py:words", "--checkpointer", "sqlite:///other.db"]) == 0
    assert "--checkpointer sqlite:///other.db --model models.py:words" in capsys.readouterr().out
    assert (folder / "other.db").is_file()
    assert not (folder / "state" / "lumo" / "runs.db").exists()


def test_a_run_in_memory_says_nothing_of_going_on(folder, capsys):
    assert main(["run", "x", "--model", "models.py:words", "--checkpointer", "memory://"]) == 0
    assert "thread" not in capsys.readouterr().out


def test_no_model_is_a_usage_error_with_examples(folder, capsys):
    assert main(["run", "x"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("lumo: no model is given. Name one with --model or LUMO_MODEL:")
    for example in ("http://localhost:11434/v1", "http://localhost:8000/v1", "http://localhost:8080/v1", "lumo demo"):
        assert example in shown.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(["run", " "], "The task is empty", id="empty task"),
        pytest.param(["run", "x", "-a", "chat"], "Unknown agent_type 'chat'", id="agent type"),
        pytest.param(["run", "x", "--max-steps", "0"], "Limits.max_steps must be at least 1, not 0", id="limit"),
        pytest.param(
            ["run", "x", "--action-cpu-seconds", "0"], "Limits.action_cpu_seconds must be finite and above 0", id="cpu"
        ),
        pytest.param(["run", "x", "--planning-interval", "0"], "planning_interval", id="planning"),
        pytest.param(["run", "x", "-t", "nope.py"], "There is no file 'nope.py'", id="tools"),
        pytest.param(["run", "x", "--base-url", "http://127.0.0.1:1/v1"], "base_url", id="URL for a model object"),
        pytest.param(["run", "x", "--checkpointer", "redis://x"], "Unknown checkpointer 'redis://x'", id="store"),
        pytest.param(["run", "x", "--checkpointer", "sqlite:///models.py"], "is not a checkpoint file", id="no store"),
        pytest.param(["resume", "x"], "There is no checkpoint file", id="resume without a store"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(folder, capsys, args, message):
    assert main([*args, "--model", "models.py:words"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("lumo: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("args", [["run"], ["walk"], ["run", "x", "--max-steps", "many"], ["resume"]], ids=" ".join)
def test_a_command_line_that_cannot_be_read_is_exit_code_2(folder, args):
    assert main(args) == 2


def test_a_reached_limit_is_exit_code_3(folder, capsys):
    assert main(["run", "x", "-m", "models.py:endless", "-a", "code-agent", "--max-steps", "3"]) == 3
    assert "I give up." in capsys.readouterr().out


def test_a_run_with_a_server_and_a_failure_of_it_that_another_server_resumes(folder, capsys):
    with ScriptedOpenAI(["```python\nx = 6 * 7\n```", Fault(status=401, message="No \x1b[2Jkey.")]) as server:
        options = ["--model", "openai:any", "--base-url", server.base_url]
        assert main(["run", "x", *options, "-a", "code-agent", "--thread", "t"]) == 4
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "Traceback" not in error
    assert error.endswith(f"The run is kept. Resume it: lumo resume t {shlex.join(options)}\n")
    with ScriptedOpenAI(["```python\nfinal_answer(x)\n```"]) as server:
        assert main(["resume", "t", "--model", "openai:any", "--base-url", server.base_url]) == 0
    assert "[answer]\n42\n" in capsys.readouterr().out


def test_a_resumed_run_that_has_ended_gives_its_answer_again(folder, capsys):
    main(["run", "Double 21", "--model", "models.py:code", *CODE_AGENT, "--thread", "t"])
    capsys.readouterr()
    assert main(["resume", "t", "--model", "models.py:code", "--tools", "mytools.py"]) == 0
    assert '"x": 42' in capsys.readouterr().out


def test_a_thread_that_does_not_exist_cannot_be_resumed(folder, capsys):
    main(["run", "x", "--model", "models.py:words"])
    capsys.readouterr()
    assert main(["resume", "nope", "--model", "models.py:words"]) == 2
    assert capsys.readouterr().err.startswith("lumo: There is no thread 'nope' in this store.")


def test_an_interrupted_run_says_how_to_resume_it_and_that_works(folder, environment):
    command = [sys.executable, "-m", "lumo_graph.cli", "run", "Double 21", "--model", "models.py:slow", *CODE_AGENT]
    with subprocess.Popen(
        [*command, "--checkpointer", "sqlite:///runs.db"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert any(line.startswith("[step 1") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 7
    assert error.splitlines()[1] == "lumo: stopped."
    assert "Traceback" not in error
    (folder / "go").touch()
    lumo, *words = shlex.split(error.partition("Resume it: ")[2])
    resumed = subprocess.run(
        [sys.executable, "-m", "lumo_graph.cli", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert (lumo, resumed.returncode, resumed.stderr) == ("lumo", 0, "")
    assert '"x": 42' in resumed.stdout


def test_a_reader_that_goes_away_ends_the_run_quietly(folder, environment):
    command = [sys.executable, "-m", "lumo_graph.cli", "run", "x", "--model", "models.py:code", *CODE_AGENT, "--json"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(command, env=environment, stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_hostile_replies_do_not_reach_a_terminal(folder, environment):
    command = [sys.executable, "-m", "lumo_graph.cli", "run", "x", "--model", "models.py:hostile", "-a", "code-agent"]
    parent, child = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(parent, 65536):
                shown += part
        except OSError:  # the terminal is closed when the process ends
            pass
    os.close(parent)
    assert process.returncode == 0
    assert b"\x1b]0;title" not in shown
    assert b"\x1b[2J" not in shown
    assert b"[red]x[/red]" in shown
    assert b"\x1b[?25h" in shown  # the cursor is shown again


def test_threads_are_listed_with_how_they_stand(folder, capsys):
    assert main(["threads"]) == 0
    assert "there are no threads yet" in capsys.readouterr().err
    main(["run", "first\ttask", "--model", "models.py:words", "--thread", "a"])
    main(["run", "second", "-m", "models.py:endless", "-a", "code-agent", "--max-steps", "3", "--thread", "b"])
    capsys.readouterr()
    assert main(["threads"]) == 0
    header, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header == ["thread", "last used", "agent type", "outcome", "steps", "task"]
    assert [[row[0], *row[2:]] for row in rows] == [
        ["b", "code-agent", "max_steps", "3", "second"],
        ["a", "function-calling", "answered", "1", "first task"],
    ]
    assert main(["threads", "--json"]) == 0
    assert [json.loads(line)["thread_id"] for line in capsys.readouterr().out.splitlines()] == ["b", "a"]


def test_a_store_that_is_named_but_not_there_is_an_error(folder, capsys):
    assert main(["threads", "--checkpointer", "sqlite:///nope.db"]) == 2
    assert capsys.readouterr().err == "lumo: There is no checkpoint file 'nope.db'.\n"


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lumo-graph ")
