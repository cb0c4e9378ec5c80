"""Servers for the tests, and the certainty that none of them is left."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

SERVERS = str(Path(__file__).with_name("servers.py"))
_SECONDS = 60.0


def processes(mark):
    """The processes that were started with a mark, and what those have started."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (folder / "environ").read_bytes().decode("utf-8", "replace")
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and (mark in command or mark in environment) and int(folder.name) != os.getpid():
                found[int(folder.name)] = command
    return found


def eventually(check, what):
    """Wait until something is so."""
    until = time.monotonic() + _SECONDS
    while not (seen := check()):
        assert time.monotonic() < until, what
        time.sleep(0.05)
    return seen


@pytest.fixture
def mark():
    """What the processes of a test are known by. None of them may be left at its end."""
    mark = f"mark-{uuid.uuid4().hex}"
    yield mark
    left = processes(mark)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


@pytest.fixture
def server(mark):
    """Describes a server that the test starts: `server("useful")`."""

    def describe(kind, *arguments, env=None, **fields):
        return {
            "command": sys.executable,
            "args": [SERVERS, kind, *map(str, arguments)],
            "env": {"MARK": mark, **(env or {})},
            **fields,
        }

    return describe


class Web:
    """A server at an address, that can be stopped and started again at the same one."""

    def __init__(self, mark):
        self._mark = mark
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            [sys.executable, SERVERS, "http", str(self.port)],
            env={**os.environ, "MARK": self._mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, "the server does not come up")

    def stop(self):
        self._process.kill()
        self._process.wait()

    def _answers(self):
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def web(mark):
    """A server at an address of the loopback."""
    web = Web(mark)
    web.start()
    yield web
    web.stop()
