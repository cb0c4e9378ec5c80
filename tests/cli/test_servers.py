import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from lumo_graph.cli import main
from lumo_graph.cli.servers import load_servers
from lumo_graph.errors import ConfigurationError

SERVERS = str(Path(__file__).parents[1] / "mcp" / "servers.py")
MODEL = """
from langchain_core.messages import AIMessage
from lumo_graph.testing import ScriptedModel

def call(name, **args):
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1"}])

adds = ScriptedModel(replies=[call("add", left=20, right=22), "42"])
asks = ScriptedModel(replies=[call("environment"), "seen"])
notes = ScriptedModel(replies=[call("note", path="log", text="once")])
done = ScriptedModel(replies=["done"])
"""


@pytest.fixture
def models(folder):
    (folder / "models.py").write_text(MODEL)
    return folder


def test_a_command_an_address_and_a_file_name_servers(tmp_path):
    file = tmp_path / "servers.json"
    file.write_text(json.dumps({"mcpServers": {"time": {"command": "uvx", "args": ["mcp-server-time"]}}}))
    assert load_servers(["npx -y 'a server'", "http://localhost:1/mcp", str(file)], {}) == {
        "server_1": {"command": "npx", "args": ["-y", "a server"]},
        "server_2": {"url": "http://localhost:1/mcp"},
        "time": {"command": "uvx", "args": ["mcp-server-time"]},
    }


def test_a_file_in_yaml_names_servers_without_more(tmp_path):
    file = tmp_path / "servers.yaml"
    file.write_text("fetch:\n  command: python3\n  args:\n    - -m\n    - mcp_server_fetch\n")
    assert load_servers([str(file)], {}) == {"fetch": {"command": "python3", "args": ["-m", "mcp_server_fetch"]}}


def test_variables_that_a_file_names_come_from_the_environment_and_what_other_programs_keep_there_is_passed_over(
    tmp_path,
):
    file = tmp_path / "servers.json"
    fields = {"command": "x", "env": {"KEY": "a ${TOKEN}"}, "autoApprove": ["add"], "description": "mine"}
    file.write_text(json.dumps({"mcpServers": {"a": fields, "b": {"command": "y", "disabled": True}}}))
    assert load_servers([str(file)], {"TOKEN": "t"}) == {"a": {"command": "x", "env": {"KEY": "a t"}}}
    with pytest.raises(ConfigurationError, match="'a' needs TOKEN, which is not set"):
        load_servers([str(file)], {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "is neither JSON nor YAML", id="broken"),
        pytest.param("[]", "has no MCP servers", id="a list"),
        pytest.param('{"mcpServers": 3}', "has no MCP servers", id="a number"),
        pytest.param("system_prompt: hello", "Give it with --system-prompt", id="a prompt"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_servers([str(tmp_path / "s.yaml")], {})


def test_what_names_no_server_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_servers([str(tmp_path / "none.json")], {})
    with pytest.raises(ConfigurationError, match="No closing quotation"):
        load_servers(["uvx 'x"], {})
    with pytest.raises(ConfigurationError, match="--mcp is empty"):
        load_servers([" "], {})
    (tmp_path / "s.json").write_text('{"server_1": {"command": "x"}}')
    with pytest.raises(ConfigurationError, match="Two MCP servers are named 'server_1'"):
        load_servers(["uvx x", str(tmp_path / "s.json")], {})


def test_a_run_has_the_tools_of_the_servers_it_names(models, capsys):
    command = shlex.join([sys.executable, SERVERS, "useful"])
    assert main(["run", "go", "-a", "mcp", "-m", "models.py:adds", "--mcp", command]) == 0
    shown = capsys.readouterr().out
    assert "42" in shown
    assert f"--mcp {shlex.quote(command)}" in shown


def test_a_server_of_a_file_gets_its_env_and_nothing_else(models, capfd, monkeypatch):
    monkeypatch.setenv("TOKEN", "the-token")
    monkeypatch.setenv("OTHER", "not-for-it")
    entry = {"command": sys.executable, "args": [SERVERS, "useful"], "env": {"GIVEN": "${TOKEN}"}, "type": "stdio"}
    (models / "servers.json").write_text(json.dumps({"mcpServers": {"here": entry}}))
    assert main(["run", "go", "-m", "models.py:asks", "--mcp", "servers.json", "--json"]) == 0
    shown = capfd.readouterr().out
    assert "the-token" in shown
    assert "not-for-it" not in shown


def test_a_server_that_does_not_work_is_one_complaint(models, capsys):
    command = shlex.join([sys.executable, SERVERS, "broken"])
    assert main(["run", "go", "-m", "models.py:done", "--mcp", command]) == 2
    assert "does not work: it ended with exit code 3" in capsys.readouterr().err
    assert main(["run", "go", "-m", "models.py:done", "--mcp", "no-such-command"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_call_of_a_server_is_approved_with_the_command_that_the_run_has_printed(models, capsys):
    command = shlex.join([sys.executable, SERVERS, "useful"])
    options = ["--mcp", command, "--interrupt-on", "note"]
    assert main(["run", "go", "-m", "models.py:notes", *options]) != 0
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if "lumo resume" in line]
    again = shlex.split(line.partition("go on: ")[2])[1:]
    assert again[again.index("--mcp") + 1] == command
    again[again.index("--model") + 1] = "models.py:done"
    assert not os.path.exists("log")  # noqa: PTH110 - the current folder
    assert main([one for one in again if one != "--approve"] + ["--approve"]) == 0
    assert (models / "log").read_text() == "once\n"
