import json

import pytest

from lumo_graph.cli.serving import api_key_of, is_loopback, made_settings, named_servers
from lumo_graph.errors import ConfigurationError

GIVEN = {"host": "127.0.0.1", "tools": (), "require": "none", "warm": 0, "keys": ()}


@pytest.mark.parametrize(
    ("environ", "host", "key"),
    [
        ({}, "127.0.0.1", None),
        ({}, "localhost", None),
        ({"LUMO_API_KEY": " k "}, "127.0.0.1", "k"),
        ({"LUMO_API_KEY": "k", "ENABLE_AUTH": "TRUE"}, "0.0.0.0", "k"),  # noqa: S104 - it is what is tested
        ({"LUMO_API_KEY": "k", "ENABLE_AUTH": "false"}, "0.0.0.0", None),  # noqa: S104 - same
        ({"ENABLE_AUTH": "0"}, "example.org", None),
    ],
)
def test_who_is_asked_for_a_key(environ, host, key):
    assert api_key_of(environ, host) == key


@pytest.mark.parametrize(
    ("environ", "host", "words"),
    [
        ({"ENABLE_AUTH": "true"}, "127.0.0.1", "LUMO_API_KEY is not set"),
        ({"ENABLE_AUTH": "1", "LUMO_API_KEY": " "}, "127.0.0.1", "LUMO_API_KEY is not set"),
        ({}, "0.0.0.0", "Others can reach '0.0.0.0'"),  # noqa: S104 - it is what is tested
        ({}, "::", "Others can reach"),
        ({"ENABLE_AUTH": "maybe"}, "127.0.0.1", "ENABLE_AUTH must be true or false"),
    ],
)
def test_nobody_is_let_in_by_an_oversight(environ, host, words):
    with pytest.raises(ConfigurationError, match=words):
        api_key_of(environ, host)


def test_only_this_machine_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "localhost", "LocalHost", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "")))  # noqa: S104 - same


def test_keys_go_where_options_and_environment_say(monkeypatch):
    monkeypatch.delenv("LUMO_SNAPSHOT_KEY", raising=False)
    environ = {"OPENAI_API_KEY": "a", "MISTRAL_API_KEY": "b", "EXA_API_KEY": "c", "HOME": "d", "LUMO_API_KEY": "e"}
    keys = ("https://API.mistral.ai/v1=MISTRAL_API_KEY",)
    found = made_settings(environ, **{**GIVEN, "keys": keys}, checkpointer="memory://x")
    assert found.provider_keys == {"https://api.openai.com": "a", "https://api.mistral.ai": "b"}
    assert found.tool_keys["EXA_API_KEY"] == "c"
    assert "HOME" not in found.tool_keys
    assert (found.api_key, found.allowed_hosts, found.allow_private_base_urls) == ("e", (), False)
    assert "localhost" in made_settings({}, **GIVEN).allowed_hosts
    for wrong in ("https://x", "=A", "https://x=", "x=A", "https://u:p@x=A"):
        with pytest.raises(ConfigurationError):
            made_settings({}, **{**GIVEN, "keys": (wrong,)})


def test_servers_have_names_for_requests(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"time": {"command": "uvx", "args": ["mcp-server-time"]}}}))
    found = named_servers([str(file), "files=npx -y 'a b'", "far=https://x.example/mcp?a=b"], {})
    assert found == {
        "time": {"command": "uvx", "args": ["mcp-server-time"]},
        "files": {"command": "npx", "args": ["-y", "a b"]},
        "far": {"url": "https://x.example/mcp?a=b"},
    }
    for wrong, words in (
        (["uvx mcp-server-time"], "has no name"),
        (["a=x", "a=y"], "Two MCP servers are named 'a'"),
        ([str(tmp_path / "none.json")], "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            named_servers(wrong, {})


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--host", "0.0.0.0"], "Others can reach", 2),  # noqa: S104 - it is what is tested
        (["--host", "no.such.host.invalid"], "Others can reach", 2),
        (["--host", "127.0.0.1", "--tools", "none.py"], "no file 'none.py'", 2),
        (["--keep-threads", "soon"], "--keep-threads must be", 2),
        (["--checkpointer", "redis://x"], "Unknown checkpointer", 2),
        (["--max-steps", "0"], "max_steps must be at least 1", 2),
        (["--require", "most"], "require must be one of", 2),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(lumo, options, words, code):
    done = lumo("serve", "--port", "0", *options)
    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_port_that_is_taken_is_said_in_a_line(lumo):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = lumo("serve", "--port", str(taken.getsockname()[1]), "--checkpointer", "memory://")
    assert (done.returncode, "Address already in use" in done.stderr) == (2, True), done.stderr
    assert "--port" in done.stderr
