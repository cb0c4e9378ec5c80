"""What README says to Lumo's users, done as it says it."""

import re
import shlex

import httpx2
import pytest

from lumo_graph.testing import ScriptedOpenAI
from tests.server.conftest import Server
from tests.test_readme import BLOCK, for_lumo_users

REPLIES = ["```python\nnames = ['A', 'B']\nprint(names)\n```", "```python\nfinal_answer(', '.join(names))\n```"]


@pytest.fixture
def serving(tmp_path):
    """The server, started by README's command on a port that is free."""
    (line,) = re.findall(r"^lumo (serve .*)$", for_lumo_users(), re.MULTILINE)
    (given,) = re.findall(r"^export (.*)$", for_lumo_users(), re.MULTILINE)
    environment = dict(pair.split("=", 1) for pair in shlex.split(given))
    words = [word if word != "8080" else "0" for word in shlex.split(line)]
    server = Server(tmp_path, command=("-m", "lumo_graph.cli", *words), **environment)
    yield server
    server.end()


def test_the_sdk_drives_the_server_as_it_is(serving, capsys):
    (block,) = BLOCK.findall(for_lumo_users())
    with ScriptedOpenAI(REPLIES) as upstream:
        program = block.replace("http://127.0.0.1:8080", serving.url)
        program = program.replace("https://api.openai.com/v1", upstream.base_url)
        exec(compile(program, "README.md", "exec"), {})  # noqa: S102 - that is the test
    assert capsys.readouterr().out == "A, B\n"


def test_its_import_is_all_that_changes_without_a_server(monkeypatch, capsys):
    monkeypatch.setenv("EXA_API_KEY", "none")
    (block,) = BLOCK.findall(for_lumo_users())
    with ScriptedOpenAI(REPLIES) as upstream:
        program = block.replace("from lumo_sdk import", "from lumo_graph import")
        program = program.replace("https://api.openai.com/v1", upstream.base_url)
        exec(compile(program, "README.md", "exec"), {})  # noqa: S102 - same
    assert capsys.readouterr().out == "A, B\n"


def test_every_option_and_route_it_names_is_there(serving):
    section = for_lumo_users()
    headers = {"Authorization": "Bearer k"}
    paths = httpx2.get(f"{serving.url}/openapi.json", headers=headers, trust_env=False).json()["paths"]
    for path in re.findall(r"`(?:GET|POST) (/[^`]*)`", section):
        assert path.replace("{id}", "{thread_id}") in {*paths, "/openapi.json", "/metrics"}, path
