"""`lumo batch`: a file of tasks, a file of results, and kills of all kinds between them."""

import json
import signal
import subprocess
import sys
import time

from tests.batch.conftest import TOOLS, environment, once
from tests.watching import has_ended, processes_below, until

NAMES = [f"task-{number}" for number in range(6)]


def command(model, *args):
    return [
        sys.executable, "-m", "lumo_graph.cli", "batch", "tasks.jsonl", "--agent-type", "code-agent",
        "--model", "openai:m",
        "--base-url", model.base_url, "--tools", str(TOOLS), "--checkpointer", "sqlite:///runs.db",
        "--output", "results.jsonl", "--concurrency", "3", "--processes", "2", *args,
    ]  # fmt: skip


def write_tasks(folder, names):
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps({'id': name, 'task': name})}\n" for name in names))


def run(model, *args):
    return subprocess.run(
        command(model, *args), env=environment(), capture_output=True, text=True, timeout=100, check=False
    )


def lines(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_a_file_of_tasks_becomes_a_file_of_results(model, effects, tmp_path):
    write_tasks(tmp_path, NAMES)
    done = run(model)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 tasks: 6 answered." in done.stderr
    assert {line["id"]: line["answer"] for line in lines(tmp_path)} == {name: [1, 2] for name in NAMES}
    assert effects() == once(NAMES)
    again = run(model)
    assert again.returncode == 2
    assert "There are results in 'results.jsonl' already" in again.stderr
    finished = run(model, "--resume")
    assert (finished.returncode, "all 6 tasks of the batch are finished" in finished.stderr) == (0, True)
    assert effects() == once(NAMES)


def test_a_batch_that_was_killed_is_finished_with_resume_and_no_call_is_made_twice(model, effects, tmp_path):
    write_tasks(tmp_path, [*NAMES, "task-slow"])
    process = subprocess.Popen(command(model), env=environment(), stderr=subprocess.DEVNULL)
    assert until(lambda: (tmp_path / "results.jsonl").exists() and len(lines(tmp_path)) >= 2)
    below = processes_below(process.pid)
    process.kill()
    process.wait()
    assert until(lambda: all(map(has_ended, below)))  # its workers end by themselves, and the sessions with them
    done = run(model, "--resume")
    assert done.returncode == 0, done.stderr
    assert sorted(line["id"] for line in lines(tmp_path)) == sorted([*NAMES, "task-slow"])
    assert {name: effects()[f"{name} 1"] for name in NAMES} == dict.fromkeys(NAMES, 1)


def test_ctrl_c_stops_the_batch_and_says_how_it_goes_on(model, effects, tmp_path):
    write_tasks(tmp_path, ["task-1", "task-slow"])
    process = subprocess.Popen(command(model), env=environment(), stderr=subprocess.PIPE, text=True)
    assert until(lambda: (tmp_path / "results.jsonl").exists() and len(lines(tmp_path)) == 1)
    below = processes_below(process.pid)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "1 of 2 tasks: 1 answered." in told
    assert "with --resume goes on" in told
    assert "Traceback" not in told
    assert until(lambda: all(map(has_ended, below)))


def test_failed_tasks_are_named_at_the_end(model, effects, tmp_path):
    tasks = [{"id": "fine", "task": "task-1"}, {"id": "wrong", "task": "task-2", "files": ["no-such-file.csv"]}]
    (tmp_path / "tasks.jsonl").write_text("".join(f"{json.dumps(task)}\n" for task in tasks))
    done = run(model)
    assert done.returncode == 1, done.stderr
    assert "1 answered, 1 failed" in done.stderr
    assert "wrong: ConfigurationError:" in done.stderr
    assert "no-such-file.csv" in done.stderr


def test_a_half_written_last_line_is_no_result(model, effects, tmp_path):
    write_tasks(tmp_path, NAMES[:2])
    assert run(model).returncode == 0
    whole = (tmp_path / "results.jsonl").read_text()
    (tmp_path / "results.jsonl").write_text(whole[: len(whole) - 20])
    done = run(model, "--resume")
    assert done.returncode == 0, done.stderr
    found = [line for line in (tmp_path / "results.jsonl").read_text().splitlines() if line.endswith("}")]
    assert {json.loads(line)["id"] for line in found if line.startswith("{")} == set(NAMES[:2])
    assert effects() == once(NAMES[:2])


def test_a_file_from_elsewhere_is_read_whatever_line_ends_are_in_its_texts(model, effects, tmp_path):
    tasks = json.dumps({"id": "a", "task": "task-1 one\u2028two\x85three"}, ensure_ascii=False)
    (tmp_path / "tasks.jsonl").write_bytes(b"\xef\xbb\xbf" + f"{tasks}\r\n".encode())
    done = run(model)
    assert (done.returncode, [one["id"] for one in lines(tmp_path)]) == (0, ["a"]), done.stderr


def test_what_is_wrong_is_said_in_a_line(model, effects, tmp_path):
    (tmp_path / "tasks.jsonl").write_text('"fine"\n{"task": 5}\n')
    done = run(model)
    assert (done.returncode, done.stderr.startswith("lumo: Line 2 says not what to do")) == (2, True)
    (tmp_path / "tasks.jsonl").unlink()
    assert "The tasks cannot be read from 'tasks.jsonl'" in run(model).stderr
    assert model.asked == 0
