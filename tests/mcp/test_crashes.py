"""Processes that are killed while a server works for them, and others that go on with their runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph import resume, run
from lumo_graph.testing import ScriptedModel
from tests.mcp.conftest import eventually, processes
from tests.mcp.host import die

_ROOT = Path(__file__).parents[2]
_ANSWER = {"code-agent": "```python\nfinal_answer('done')\n```", "function-calling": "done"}


class Hosts:
    """Runs tests/mcp/host.py in processes of their own."""

    def __init__(self, mark):
        self._mark = mark
        self.started = []

    def begin(self, **spec):
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.mcp.host", json.dumps(spec)],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
            )
        )
        return self.started[-1]

    def leave_no_server(self):
        """A server ends when its host has: its stdin does."""
        eventually(lambda: not processes(self._mark), "the server outlives its host")


@pytest.fixture
def hosts(mark):
    hosts = Hosts(mark)
    yield hosts
    for host in hosts.started:
        host.kill()
        host.wait()


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_call_that_was_answered_before_the_host_died_is_not_made_again(server, hosts, store, tmp_path, agent_type):
    log, servers = tmp_path / "log", [server("useful")]
    calls = [("note", {"path": str(log), "text": "once"}), ("die", {})]
    host = hosts.begin(agent_type=agent_type, calls=calls, store=store, servers=servers)
    assert host.wait(100) == -signal.SIGKILL
    assert log.read_text() == "once\n"
    hosts.leave_no_server()

    def live() -> str:
        """The tool that killed the host, mended."""
        return "alive"

    live.__name__ = "die"
    result = resume("t", ScriptedModel([_ANSWER[agent_type]]), tools=[live], checkpointer=store, mcp_servers=servers)
    assert (result.answer, log.read_text()) == ("done", "once\n")


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_call_that_the_host_died_in_is_not_made_again_and_the_model_is_told(
    server, hosts, store, tmp_path, agent_type
):
    log, servers = tmp_path / "log", [server("useful")]
    calls = [("note_and_wait", {"path": str(log), "text": "once"})]
    host = hosts.begin(agent_type=agent_type, calls=calls, store=store, servers=servers)
    eventually(log.exists, "the call was not made")
    host.kill()
    host.wait()
    hosts.leave_no_server()
    options = {"tools": [die], "checkpointer": store, "mcp_servers": servers}
    with ScriptedModel([_ANSWER[agent_type]]) as model:
        result = resume("t", model, **options)
    assert (result.answer, log.read_text()) == ("done", "once\n")
    assert "may have run already" in result.steps[0].observation


def test_whoever_knows_that_a_call_may_be_made_twice_can_say_so(server, hosts, tmp_path):
    store, log = f"sqlite:///{tmp_path}/t.db", tmp_path / "log"
    servers = [server("useful", on_unknown="rerun")]
    calls = [("note_and_wait", {"path": str(log), "text": "again"})]
    host = hosts.begin(agent_type="code-agent", calls=calls, store=store, servers=servers)
    eventually(log.exists, "the call was not made")
    host.kill()
    host.wait()
    options = {"tools": [die], "checkpointer": store, "mcp_servers": servers}
    result = resume("t", ScriptedModel([_ANSWER["code-agent"]]), **options)
    assert (result.answer, log.read_text()) == ("done", "again\nagain\n")


def test_a_server_finds_the_key_of_a_call_with_the_call(server, tmp_path):
    replies = ["```python\nfinal_answer([key_of_call(), key_of_call()])\n```"]
    options = {"checkpointer": f"sqlite:///{tmp_path}/t.db", "thread_id": "t", "agent_type": "code"}
    first, second = run("go", ScriptedModel(replies), mcp_servers=[server("useful")], **options).answer
    assert first.startswith("t/")
    assert first != second
