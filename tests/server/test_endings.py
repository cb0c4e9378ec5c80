"""What becomes of runs whose client, or whose server, goes away."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading

from langchain_core.messages import AIMessage

from lumo_graph.testing import Endless, ScriptedOpenAI
from tests.server.conftest import KEY, ROOT, Server
from tests.watching import until

CALL = AIMessage("", tool_calls=[{"name": "wait", "args": {}, "id": "a"}])
CODE = "```python\nimport time\nprint('begun', flush=True)\ntime.sleep(1000)\n```"
STORE = ["--checkpointer", "sqlite:///runs.db"]


def asked(upstream, **more):
    return {"task": "Go", "model": "m", "base_url": upstream.base_url, **more}


def hang_up_on(server, path, body, seen):
    """Call, and hang up once something is seen in the stream, or has happened."""
    with server.http as http, http.stream("POST", path, json=body) as response:
        for line in response.iter_lines():
            if seen(line):
                return
    raise AssertionError("it was never seen")


def test_a_client_that_leaves_a_stream_in_the_middle_of_code_ends_the_run(serve):
    server = serve(*STORE)
    with ScriptedOpenAI([CODE, "```python\nfinal_answer(1)\n```"]) as upstream:
        body = asked(upstream, agent_type="code-agent", thread_id="left")
        hang_up_on(server, "/stream", body, lambda line: "begun" in line and '"output"' in line)
        assert until(lambda: server.status_of("left") == "stopped")
        assert until(lambda: len(server.sessions()) <= 1)  # the zygote
        again = server.call("POST", "/run", body)  # the thread is free
    assert again.json()["answer"] == 1


def test_a_client_that_leaves_while_the_model_replies_hangs_up_on_the_model(serve):
    server = serve(*STORE)
    with ScriptedOpenAI([Endless(), Endless()]) as upstream:
        with socket.create_connection(server.place) as client:
            client.sendall(server.request_text("/run", asked(upstream, thread_id="a")))
            assert until(lambda: len(upstream.requests) == 1)
        hang_up_on(server, "/stream", asked(upstream, thread_id="b"), lambda line: '"token"' in line)
        assert upstream.wait_until_idle(30)
        assert until(lambda: [server.status_of(name) for name in "ab"] == ["stopped"] * 2)


def test_a_run_in_the_background_goes_on_without_its_client(serve, folder):
    server = serve(*STORE)
    with ScriptedOpenAI([CALL, "Done."]) as upstream:
        body = asked(upstream, tools=["wait"], thread_id="t", background=True)
        assert server.call("POST", "/run", body).status_code == 202
        assert until((folder / "waiting").exists)
        (folder / "go").touch()
        assert until(lambda: server.status_of("t") == "ended")


def test_a_signal_lets_runs_end_in_good_order_and_keeps_all_of_them(serve, folder):
    server = serve(*STORE, "--grace", "1")
    held = threading.Event()  # a model that thinks for long

    def think(body):
        if body["messages"][-1]["content"] == "Tell":
            return "```python\nx = 1\n```"  # so that its stream has begun
        held.wait(90)
        return "Too late."

    with ScriptedOpenAI([think] * 4) as upstream:
        answers = {}

        def call(name, path):
            body = asked(upstream, thread_id=name, agent_type="code-agent")
            if path == "/stream":
                answers[name] = server.frames(path, {**body, "task": "Tell"})
            else:
                answers[name] = server.call("POST", path, body)

        callers = [threading.Thread(target=call, args=one) for one in (("a", "/run"), ("b", "/stream"))]
        for caller in callers:
            caller.start()
        server.call("POST", "/run", asked(upstream, thread_id="c", background=True))
        assert until(lambda: len(upstream.requests) == 4)
        assert server.end(signal.SIGTERM) == 0
        for caller in callers:
            caller.join()
        held.set()
    assert (answers["a"].status_code, answers["a"].json()["thread_id"]) == (503, "a")
    assert answers["a"].headers["retry-after"]
    assert [frame["type"] for frame in answers["b"][-2:]] == ["error", "done"]
    assert answers["b"][-1]["thread_id"] == "b"
    assert "Traceback" not in server.text
    with ScriptedOpenAI(["```python\nfinal_answer(1)\n```"] * 3) as upstream:
        done = recover(folder, upstream)
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["thread_id"] for line in done.stdout.splitlines() if '"recovered"' in line} == set("abc")


def test_a_server_that_was_killed_leaves_threads_that_recover_answers(serve, folder):
    server = serve(*STORE)
    with ScriptedOpenAI(["```python\nmine = 'kept'\nprint(send('Ada'))\n```", Endless()]) as upstream:
        body = asked(upstream, thread_id="t", agent_type="code-agent", tools=["send"], background=True)
        assert server.call("POST", "/run", body).status_code == 202
        assert until(lambda: len(upstream.requests) == 2)
        server.end(signal.SIGKILL)
    with ScriptedOpenAI(["```python\nfinal_answer(mine)\n```"]) as upstream:
        done = recover(folder, upstream)
    assert done.returncode == 0, done.stderr
    again = serve(*STORE)
    found = again.call("GET", "/threads/t").json()
    assert (found["status"], found["answer"]) == ("ended", "kept")
    assert (folder / "sent").read_text() == "Ada\n"


def test_a_server_goes_on_by_itself_with_what_another_has_accepted(serve):
    server = serve(*STORE, "--concurrency", "1")
    with ScriptedOpenAI([Endless(), "One.", "Two."]) as upstream:
        for name in ("one", "two"):  # the second waits for its turn, and is accepted all the same
            body = asked(upstream, thread_id=name, background=True)
            assert server.call("POST", "/run", body).status_code == 202
        assert until(lambda: len(upstream.requests) == 1)
        server.end(signal.SIGKILL)
        again = serve(*STORE, "--recover")
        assert until(lambda: [again.status_of(name) for name in ("one", "two")] == ["ended"] * 2)
    answers = {again.call("GET", f"/threads/{name}").json()["answer"] for name in ("one", "two")}
    assert answers == {"One.", "Two."}


def recover(folder, upstream):
    """`lumo recover --resume` with the operator's tools."""
    command = f"recover --resume --json --model openai:m --base-url {upstream.base_url} --tools mytools.py"
    return subprocess.run(
        [sys.executable, "-m", "lumo_graph.cli", *shlex.split(command), *STORE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LUMO_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_second_signal_ends_the_server_at_once(serve):
    server: Server = serve(*STORE, "--grace", "60")
    with ScriptedOpenAI([Endless()]) as upstream:
        assert server.call("POST", "/run", asked(upstream, background=True)).status_code == 202
        assert until(lambda: len(upstream.requests) == 1)
        server.process.send_signal(signal.SIGTERM)
        assert until(lambda: "Another signal stops it at once" in server.text)
        assert server.end(signal.SIGTERM, seconds=20) == -signal.SIGTERM
