import sys

import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.mcp import check_mcp_servers
from lumo_graph.mcp.servers import Address, Program


def test_a_list_and_a_mapping_name_servers(tmp_path):
    (first, second) = check_mcp_servers([{"command": sys.executable}, {"url": "http://localhost/mcp", "name": "web"}])
    assert (first.name, second.name) == ("server_1", "web")
    assert isinstance(first.at, Program)
    assert isinstance(second.at, Address)
    fields = {"type": "stdio", "command": "sh", "args": ["-c", "x"], "env": {"A": "b"}, "cwd": tmp_path}
    (third,) = check_mcp_servers({"shell": fields})
    assert (third.name, third.at.args, third.at.cwd, third.at.env["A"]) == ("shell", ("-c", "x"), str(tmp_path), "b")
    assert third.at.command.startswith("/")
    assert check_mcp_servers(None) == check_mcp_servers([]) == check_mcp_servers({}) == ()


def test_a_command_is_looked_for_on_the_path_that_the_server_gets_and_in_its_folder(tmp_path):
    program = tmp_path / "my-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for fields in (
        {"command": "my-server", "env": {"PATH": str(tmp_path)}},
        {"command": "./my-server", "cwd": str(tmp_path)},
    ):
        (server,) = check_mcp_servers([fields])
        assert server.at.command == str(program)


def test_what_may_be_a_key_is_in_no_repr():
    servers = check_mcp_servers(
        [{"command": "sh", "env": {"K": "secret-1"}}, {"url": "http://h/secret-2", "headers": {"K": "secret-3"}}]
    )
    assert "secret" not in repr(servers)


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        pytest.param("uvx", "must be a list of servers, or names with servers", id="text"),
        pytest.param(5, "must be a list of servers", id="number"),
        pytest.param({"command": "uvx", "args": []}, "Put it into a list", id="one server"),
        pytest.param(["uvx"], "must be fields such as", id="a text in the list"),
        pytest.param([{}], "has no command or a url: give it", id="nothing"),
        pytest.param([{"args": ["x"]}], "has no command or a url", id="args only"),
        pytest.param([{"comand": "sh"}], "unknown field 'comand'. Did you mean 'command'?", id="typo"),
        pytest.param([{"command": "sh", "enviroment": {}}], "unknown field 'enviroment'", id="unknown"),
        pytest.param(
            [{"command": "sh", "headers": {}}], "unknown field 'headers'. It takes: command", id="of the other"
        ),
        pytest.param([{"command": "sh", "url": "http://x"}], "has a command and a url", id="both"),
        pytest.param([{"command": "sh", "type": "http"}], "has no url", id="type and field"),
        pytest.param([{"url": "http://x", "type": "sse"}], "of type 'sse'. Types are", id="type"),
        pytest.param([{"command": "no-such-program"}], "does not exist: it is not on the PATH.", id="no program"),
        pytest.param([{"command": "uvx mcp-server"}], "Its arguments belong into 'args'", id="arguments in command"),
        pytest.param([{"command": "/etc/passwd"}], "is not executable", id="no executable"),
        pytest.param([{"command": "/nowhere/x"}], "does not exist", id="no file"),
        pytest.param([{"command": ""}], "empty command", id="empty"),
        pytest.param([{"command": 5}], "'command' of the MCP server 'server_1' must be a text", id="command"),
        pytest.param([{"command": "sh", "args": "x"}], "'args' of the MCP server 'server_1' must be a list", id="args"),
        pytest.param([{"command": "sh", "args": [5]}], "must be a text, not 5", id="an argument"),
        pytest.param([{"command": "sh", "env": ["A=b"]}], "'env' of the MCP server 'server_1' must be names", id="env"),
        pytest.param([{"command": "sh", "env": {"A": 5}}], "'A' in 'env'", id="a variable"),
        pytest.param([{"command": "sh", "env": {"A=": "5"}}], "which is no name", id="a variable's name"),
        pytest.param([{"command": "sh", "cwd": "/nowhere"}], "in '/nowhere', which is no folder", id="folder"),
        pytest.param([{"command": "sh", "cwd": 5}], "which is no folder", id="no path"),
        pytest.param([{"url": "localhost:8000"}], "needs an address of HTTP", id="no scheme"),
        pytest.param([{"url": "ftp://x"}], "needs an address of HTTP", id="scheme"),
        pytest.param([{"url": "http://"}], "needs an address of HTTP", id="no host"),
        pytest.param([{"url": "http://x:port/"}], "needs an address of HTTP", id="port"),
        pytest.param([{"url": "http://x", "headers": {"A": "b\nC: d"}}], "that HTTP cannot carry", id="header"),
        pytest.param([{"command": "sh", "connect_seconds": 0}], "must be seconds above 0", id="no time"),
        pytest.param([{"command": "sh", "call_seconds": "5"}], "must be seconds above 0", id="time"),
        pytest.param([{"command": "sh", "on_unknown": "hope"}], "must be one of 'rerun', 'ask', 'fail'", id="unknown"),
        pytest.param([{"command": "sh", "effects": "few"}], "must be one of 'some', 'none'", id="effects"),
        pytest.param({"": {"command": "sh"}}, "name of an MCP server must be a text", id="no name"),
        pytest.param(
            [{"command": "sh", "name": "a"}, {"command": "sh", "name": "a"}],
            "Two MCP servers are named 'a'",
            id="twice",
        ),
    ],
)
def test_what_cannot_be_a_server_is_said_before_anything_is_started(servers, message):
    with pytest.raises(ConfigurationError) as caught:
        check_mcp_servers(servers)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
