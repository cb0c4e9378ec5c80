"""What the operator decides: heartbeats, slow clients, web pages, figures, names, retention, and what is refused."""

import re
import socket
import sys
from datetime import timedelta

import lumo_sdk
import pytest
from langchain_core.messages import AIMessage

from lumo_graph.checkpoints import list_unfinished
from lumo_graph.errors import ConfigurationError
from lumo_graph.server import Settings, create_app
from lumo_graph.testing import Endless, ScriptedOpenAI
from tests.server.conftest import KEY, ROOT, Server
from tests.watching import until

WAITING = [AIMessage("", tool_calls=[{"name": "wait", "args": {}, "id": "a"}]), "Done."]
EMBEDDED = """
import uvicorn, sys
from lumo_graph.server import Settings, create_app
sys.path.insert(0, ".")
import mytools
app = create_app(Settings(
    checkpointer="sqlite:///runs.db", tools=[mytools.wait], allow_private_base_urls=True,
    heartbeat_seconds=0.2, body_seconds=0.5, keep_threads=__import__("datetime").timedelta(hours=1),
))
config = uvicorn.Config(app, port=0, log_level="info")
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"serving on http://127.0.0.1:{port} ", file=sys.stderr, flush=True)
Server(config).run()
"""


SLOW = """
import sys
from lumo_graph.server import Settings
from lumo_graph.server.serving import serve
serve(Settings(body_seconds=0.5), port=0, on_ready=lambda at: print(f"serving on {at} ", file=sys.stderr, flush=True))
"""


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_client_that_does_not_come_to_the_point_is_hung_up_on(folder, begun):
    (folder / "program.py").write_text(SLOW)
    server = Server(folder, command=["program.py"])
    try:
        with socket.create_connection(server.place) as slow:
            slow.settimeout(30)
            slow.sendall(begun)
            assert slow.recv(65536) == b""
        with socket.create_connection(server.place) as kept:
            kept.settimeout(30)
            for _ in range(2):  # one connection bears several requests
                kept.sendall(b"GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n")
                assert kept.recv(65536).startswith(b"HTTP/1.1 200")
            kept.sendall(b"GET /heal")
            assert kept.recv(65536) == b""
        assert server.call("GET", "/health_check").status_code == 200
    finally:
        server.end()


@pytest.fixture
def embedded(folder):
    """The application in a program of the operator's own."""
    (folder / "program.py").write_text(EMBEDDED)
    server = Server(folder, command=["program.py"])
    yield server
    server.end()


def test_a_silent_stream_shows_signs_of_life_and_a_slow_client_is_sent_away(embedded, folder):
    with ScriptedOpenAI(WAITING) as upstream:
        body = {"task": "Go", "model": "m", "base_url": upstream.base_url, "tools": ["wait"]}
        comments = 0
        with embedded.http as http, http.stream("POST", "/stream", json=body) as response:
            for line in response.iter_lines():
                comments += line.startswith(":")
                if comments == 3:
                    (folder / "go").touch()
        assert comments >= 3
        assert line is not None
    with socket.create_connection(embedded.place) as slow:
        slow.sendall(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert slow.recv(65536).split(b" ")[1] == b"408"


def test_an_embedded_server_ends_with_its_program_and_keeps_what_ran(embedded):
    with ScriptedOpenAI([Endless()]) as upstream:
        body = {"task": "Go", "model": "m", "base_url": upstream.base_url, "thread_id": "t", "background": True}
        assert embedded.call("POST", "/run", body).status_code == 202
        assert until(lambda: len(upstream.requests) == 1)
        embedded.end()
    assert "Traceback" not in embedded.text
    assert [one.thread_id for one in list_unfinished(f"sqlite:///{embedded.folder}/runs.db")] == ["t"]


def test_pages_that_the_operator_names_may_call(serve):
    server = serve("--checkpointer", "memory://", "--cors", "https://app.example", "--metrics")
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    with server.http as http:
        allowed = http.options("/run", headers={**asked, "Access-Control-Request-Headers": "authorization"})
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        other = http.options("/run", headers={**asked, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        with ScriptedOpenAI(["Hello."]) as upstream:
            http.post("/run", json={"task": "Go", "model": "m", "base_url": upstream.base_url})
        figures = http.get("/metrics")
        assert figures.headers["content-type"].startswith("text/plain")
        assert re.search(r"^lumo_graph_runs_\w*total\{.*answered.*\} 1.0$", figures.text, re.MULTILINE)
        del http.headers["Authorization"]
        assert http.get("/metrics").status_code == 401


def test_without_a_key_the_server_answers_to_its_own_name_only(serve):
    server = serve("--checkpointer", "memory://", LUMO_API_KEY="")
    with server.http as http:
        assert http.get("/threads").status_code == 200
        for host in ("evil.example", "127.0.0.1.evil.example:80", "localhost@evil.example", ""):
            assert http.get("/threads", headers={"Host": host}).status_code == 400
        for host in ("localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8080"):
            assert http.get("/threads", headers={"Host": host}).status_code == 200


def test_a_run_may_ask_for_less_and_not_for_more(serve):
    server = serve("--checkpointer", "memory://", "--max-steps", "2")
    with ScriptedOpenAI(["```python\nx = 1\n```", "```python\nx = 2\n```", "Enough."]) as upstream:
        body = {"task": "Go", "model": "m", "base_url": upstream.base_url, "agent_type": "code-agent", "max_steps": 40}
        found = server.call("POST", "/run", body).json()
    assert (found["outcome"], len(found["steps"])) == ("max_steps", 2)


def test_runs_are_stored_in_postgresql(serve, postgres):
    server = serve("--checkpointer", postgres.new_database())
    with ScriptedOpenAI(["```python\nfinal_answer(x := 5)\n```", "```python\nfinal_answer(x + 1)\n```"]) as upstream:
        body = {"task": "Go", "model": "m", "base_url": upstream.base_url, "agent_type": "code-agent", "thread_id": "t"}
        assert server.call("POST", "/run", body).json()["answer"] == 5
        assert server.call("POST", "/run", body).json()["answer"] == 6
    assert server.status_of("t") == "ended"
    assert server.call("DELETE", "/threads/t").status_code == 204


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0}, {"queue": -1}, {"concurrency": True}, {"max_body_bytes": 0}, {"body_seconds": 0},
        {"heartbeat_seconds": -1}, {"api_key": " "}, {"cors_origins": "*"}, {"allowed_hosts": "x"},
        {"keep_threads": timedelta(0)},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        create_app(Settings(**wrong))


def test_secrets_are_not_shown():
    shown = repr(Settings(api_key=KEY, provider_keys={"https://x": "secret"}, tool_keys={"X_API_KEY": "secret"}))
    assert KEY not in shown
    assert "secret" not in shown


def test_a_request_may_name_the_servers_of_tools_that_the_operator_has_named(serve):
    from shlex import join

    script = str(ROOT / "tests/mcp/servers.py")
    server = serve("--checkpointer", "memory://", "--mcp", f"sums={join([sys.executable, script, 'useful'])}")
    same = {"command": sys.executable, "args": [script, "useful"]}
    call = AIMessage("", tool_calls=[{"name": "add", "args": {"left": 40, "right": 2}, "id": "a"}])
    for named in ("sums", same):
        with ScriptedOpenAI([call, "It is 42."]) as upstream:
            body = {"task": "Add", "model": "m", "base_url": upstream.base_url, "agent_type": "mcp"}
            done = server.call("POST", "/run", {**body, "mcp_servers": [named]}).json()
            assert done["final_answer"] == "It is 42."
            assert upstream.requests[-1].body["messages"][-1]["content"] == "42"
    with ScriptedOpenAI([call, "It is 42."]) as upstream:
        done = server.client.run_task(
            task="Add", model="m", base_url=upstream.base_url, agent_type="mcp",
            mcp_servers=[lumo_sdk.MCPServer(command=sys.executable, args=[script, "useful"])],
        )  # fmt: skip
    assert done.final_answer == "It is 42."
    refused = server.call("POST", "/run", {**body, "mcp_servers": [{**same, "args": ["-c", "evil"]}]})
    assert (refused.status_code, "sums" in refused.json()["message"]) == (400, True)


def test_function_calling_runs_code_over_http_too(serve):
    code = {"name": "python_interpreter", "args": {"code": "sum(range(10))"}, "id": "a"}
    server = serve("--checkpointer", "memory://")
    with ScriptedOpenAI([AIMessage("", tool_calls=[code]), "It is 45."]) as upstream:
        done = server.client.run_task(task="Sum", model="m", base_url=upstream.base_url, tools=["PythonInterpreter"])
        assert "45" in upstream.requests[-1].body["messages"][-1]["content"]
    assert done.final_answer == "It is 45."
