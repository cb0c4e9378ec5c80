"""The server as an attacker finds it: keys, addresses, bodies and paths that are not what they should be."""

import json
import socket
import time
from contextlib import suppress
from urllib.parse import quote

import httpx2
import pytest

from lumo_graph.testing import ScriptedOpenAI
from tests.server.conftest import KEY, folder_with_tools, starting

BODY = {"task": "Go", "model": "m", "base_url": "http://127.0.0.1:1/v1"}
FOLDERS = ("/tmp/", "/home/", "/root/", "/usr/")  # noqa: S108 - none of them may be told
SECRETS = {
    "OPENAI_API_KEY": "sk-openai-secret-0001",
    "GOOGLE_API_KEY": "AIza-google-secret-0002",
    "GROQ_API_KEY": "gsk_groq-secret-0003",
    "ANTHROPIC_API_KEY": "sk-ant-secret-0004",
}


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server as it is by default, behind a key, with all the keys of providers."""
    with starting() as start:
        yield start(
            folder_with_tools(tmp_path_factory.mktemp("closed")),
            *("--checkpointer", "sqlite:///runs.db", "--max-body-mb", "1"),
            LUMO_ALLOW_PRIVATE_BASE_URLS="",
            **SECRETS,
        )


@pytest.fixture(scope="module")
def open_inside(tmp_path_factory):
    """A server that may reach models on this machine, with all the keys of providers."""
    with starting() as start:
        folder = folder_with_tools(tmp_path_factory.mktemp("inside"))
        yield start(folder, "--checkpointer", "sqlite:///runs.db", **SECRETS)


def told(response, status):
    """The body of a refusal, which says nothing that it should not."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert {"error", "message"} <= set(found)
    check_silence(response.text)
    return found


def check_silence(text):
    for secret in (*SECRETS.values(), KEY, "Traceback", 'File "', "site-packages", *FOLDERS):
        assert secret not in text


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", f"Basic {KEY}")],
        [("Authorization", KEY)],
        [("Authorization", "Bearer")],
        [("Authorization", f"Bearer {KEY}x")],
        [("Authorization", f"Bearer {KEY[:-1]}")],
        [("Authorization", f"Bearer {KEY.upper()}")],
        [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {KEY}")],
        [("X-Api-Key", KEY)],
        [("Authorization", "Bearer \xfc\xff".encode("latin-1"))],
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/run"), ("GET", "/threads"), ("GET", "/openapi.json")])
def test_nobody_comes_in_without_the_key(closed, method, path, headers):
    with closed.http as http:
        del http.headers["Authorization"]
        refused = http.request(method, path, headers=headers)
    assert told(refused, 401)["error"] == "Invalid or missing API key"
    assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "//run", "/RUN", "/run/", "/run;x", "/%72un", "/health_check/../threads", "/health_check/", "/health_check%2f",
        "/Health_check", "/health_check?x=/threads", "/threads/../health_check", "/./threads", "/threads%00", "/docs",
    ],
)  # fmt: skip
def test_no_path_leads_around_the_door(closed, path):
    with socket.create_connection(closed.place) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    status = answer.split(" ", 2)[1]
    assert status == ("200" if path.startswith("/health_check?") else "401")
    assert answer.partition("\r\n\r\n")[2] == "" or "API key" in answer


def test_the_key_is_known_whatever_the_case_of_its_scheme(closed):
    with closed.http as http:
        assert http.get("/threads", headers={"Authorization": f"bEARER  {KEY}"}).status_code == 200


def test_the_health_check_is_open_and_empty(closed):
    with closed.http as http:
        del http.headers["Authorization"]
        for method in ("GET", "HEAD"):
            found = http.request(method, "/health_check")
            assert (found.status_code, found.content) == (200, b"")
        assert told(http.post("/health_check"), 405)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]/v1", "http://0.0.0.0/v1", "http://10.0.0.1/v1",
        "http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.1]/v1", "http://2130706433/v1",
        "http://0x7f.1/v1", "http://127.1/v1", "http://0177.0.0.1/v1", "http://192.168.0.1", "http://[fd00:ec2::254]/",
        "http://[64:ff9b::7f00:1]/v1", "http://100.64.0.1/", "http://LOCALHOST/v1",
        "http://127.0.0.1%2f@api.openai.com/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://", "//127.0.0.1/",
        "http://127.0.0.1:99999/", "http://127.0.0.1:1/v1\r\nX: y", "http://exa\u2028mple.com/", "http://\u24db\u24de/",
        "unix:///run/x", "http://user:pass@example.com/", "http://x/?a=b", "http://x/#a", "http://[::1", "x" * 1999,
    ],
)  # fmt: skip
def test_nothing_private_is_reached(closed, base_url):
    found = closed.call("POST", "/run", {**BODY, "base_url": base_url})
    message = told(found, 400)["message"]
    assert "pass@" not in message
    assert "127.0.0.1" not in message or "127.0.0.1" in base_url


@pytest.mark.parametrize(
    "tail",
    [
        "/v1/api.openai.com", "/groq", "/v1/https://api.openai.com", "/v1/generativelanguage.googleapis.com/groq",
        "/v1/api.anthropic.com/chat/completions",
    ],
)  # fmt: skip
def test_no_key_goes_to_a_stranger_whatever_its_address_says(open_inside, tail):
    with ScriptedOpenAI([]) as stranger:
        place = stranger.base_url.removesuffix("/v1")
        found = open_inside.call("POST", "/run", {**BODY, "base_url": f"{place}{tail}"})
        sent = json.dumps([[dict(one.headers), one.body] for one in stranger.requests])
        assert stranger.requests
        stranger._script._complaints.clear()  # that it was asked is what is tested
    check_silence(sent)
    check_silence(found.text)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.openai.com@127.0.0.1/v1", "https://api.openai.com.127.0.0.1.nip.io/v1",
        "http://api.openai.com:80@127.0.0.1/", "https://api.openai.com\\@127.0.0.1/", "https://api.openai.com%40x/",
    ],
)  # fmt: skip
def test_a_host_that_only_looks_like_a_provider_is_none(open_inside, base_url):
    found = open_inside.call("POST", "/run", {**BODY, "base_url": base_url}, timeout=120)
    assert found.status_code in {400, 500}
    check_silence(found.text)


def test_requests_start_no_processes(closed):
    for server in ({"command": "touch", "args": ["pwned"]}, "nothing"):
        found = closed.call("POST", "/run", {**BODY, "mcp_servers": [server], "agent_type": "mcp"})
        assert "requests start no processes" in told(found, 400)["message"]
    assert not (closed.folder / "pwned").exists()


@pytest.mark.parametrize(
    "thread_id",
    [
        "../../etc/passwd",
        "..%2f..%2fetc",
        "a/b",
        "a\\b",
        ".",
        "..",
        "a" * 200,
        "a\nb",
        "a\x00b",
        "é",
        "%00",
        "a b",
        "-",
    ],
)
def test_a_thread_has_a_plain_name(closed, thread_id):
    assert told(closed.call("POST", "/run", {**BODY, "thread_id": thread_id}), 400)
    if not thread_id.strip("."):
        return  # a client makes another path of it
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/resume"), ("POST", "/fork"), ("GET", "/history")):
        path = f"/threads/{quote(thread_id, safe='')}{tail}"
        found = closed.call(method, path, {} if method == "POST" else None)
        assert found.status_code in {400, 404, 405}
        told(found, found.status_code)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"1", b"\xff\xfe", b"[" * 100_000, b'{"task":' * 5000,
        b'{"task": NaN}', b'{"task": 1e999}', json.dumps({**BODY, "max_steps": 10**400}).encode(),
        json.dumps({**BODY, "history": [{"role": "user", "content": "x", "tool_calls": [[]]}]}).encode(),
        json.dumps({**BODY, "max_steps": True}).encode(), json.dumps({**BODY, "max_steps": 1.5}).encode(),
        json.dumps({**BODY, "history": [{"role": "root", "content": "x"}]}).encode(),
        json.dumps({**BODY, "tools": ["\ud800"]}).encode(), json.dumps({**BODY, "model": "\x00"}).encode(),
        json.dumps({**BODY, "nothing": 1}).encode(), json.dumps({**BODY, "planning_interval": -1}).encode(),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_a_bad_request(closed, data):
    with closed.http as http:
        for path in ("/run", "/stream", "/threads/t/resume"):
            found = http.post(path, content=data, headers={"Content-Type": "application/json"})
            told(found, 404 if found.status_code == 404 else 400)


def test_data_that_is_nested_too_deeply_is_refused(closed):
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    for body in ({"decision": {"type": deep}}, {"decision": {"a": deep}}):
        assert "levels deep" in told(closed.call("POST", "/threads/t/resume", body), 400)["message"]
    arguments = "[" * 900 + "]" * 900
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": f'{{"x":{arguments}}}'}}
    history = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    assert told(closed.call("POST", "/run", {**BODY, "history": history}), 400)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_before_it_is_whole(closed, is_chunked):
    def parts():
        for _ in range(1000):
            yield b"x" * 65536

    with closed.http as http:
        data = parts() if is_chunked else b"x" * (2 << 20)
        # The connection may be closed while the rest is being sent.
        with suppress(httpx2.TransportError):
            told(http.post("/run", content=data, headers={"Content-Type": "application/json"}), 413)
    assert closed.call("GET", "/threads").status_code == 200


def test_a_length_that_no_body_has_is_refused(closed):
    for length in ("9" * 18, "9" * 19, "9" * 400, "-1", "x"):
        with socket.create_connection(closed.place) as client:
            head = f"POST /run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {length}\r\n\r\n"
            client.sendall(head.encode())
            assert client.recv(65536).split(b" ")[1] in {b"413", b"400"}


def test_a_client_without_the_key_sends_no_body(closed):
    with socket.create_connection(closed.place) as client:
        client.sendall(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        assert client.recv(65536).split(b" ")[1] == b"401"


def test_there_are_no_web_sockets(closed):
    with socket.create_connection(closed.place) as client:
        client.sendall(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert client.recv(65536).split(b" ")[1] == b"401"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_do_not_work(closed, method):
    found = closed.call(method, "/run")
    assert found.status_code == 405
    assert found.headers["allow"] == "POST"
    if method != "HEAD":
        told(found, 405)


def test_a_web_page_may_not_call(closed):
    with closed.http as http:
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for found in (http.options("/run", headers=asked), http.get("/threads", headers=asked)):
            assert not [name for name in found.headers if name.startswith("access-control")]
        plain = http.post("/run", content=json.dumps(BODY), headers={"Content-Type": "text/plain"})
        told(plain, 400)


def test_an_answer_comes_at_once_where_a_client_is_slow_with_another(closed):
    with socket.create_connection(closed.place) as slow:
        slow.sendall(f"POST /run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n".encode())
        slow.sendall(b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        before = time.monotonic()
        assert closed.call("GET", "/threads").status_code == 200
        assert time.monotonic() - before < 20


def test_a_missing_key_of_a_tool_is_named(closed):
    with ScriptedOpenAI([]):
        found = closed.call("POST", "/run", {**BODY, "tools": ["ExaSearchTool"]})
    assert "EXA_API_KEY" in told(found, 400)["message"]


def test_nothing_of_this_came_into_the_log(closed):
    closed.call("GET", "/health_check")
    assert "Traceback" not in closed.text
    for secret in (*SECRETS.values(), KEY):
        assert secret not in closed.text
