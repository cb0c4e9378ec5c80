"""What the tests of the server share: `lumo serve` as a process, and Lumo's own client to call it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.watching import has_ended, processes_below, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is written for an older pydantic
    from lumo_sdk import LumoClient

ROOT = Path(__file__).parents[2]
KEY = "a-key-of-the-tests"
SERVE = ("-m", "lumo_graph.cli", "serve", "--port", "0")

TOOLS = '''
import time
from pathlib import Path

def double(n: int) -> int:
    """Twice the number."""
    return 2 * n

def send(to: str) -> str:
    """Send a letter."""
    with Path("sent").open("a") as file:
        file.write(f"{to}\\n")
    return f"sent to {to}"

def wait() -> str:
    """Wait until the file `go` exists."""
    with Path("waiting").open("a") as file:
        file.write("x")
    while not Path("go").exists():
        time.sleep(0.02)
    return "went"
'''


class Server:
    """A server process."""

    def __init__(self, folder, *options, command=SERVE, **environment):
        inherited = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *command, *options],
            cwd=folder,
            env={
                **inherited,
                "PYTHONPATH": str(ROOT),
                "XDG_STATE_HOME": str(folder / "state"),
                "LUMO_ALLOW_PRIVATE_BASE_URLS": "1",
                "LUMO_API_KEY": KEY,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self.url = self._url()
        self._threads = [
            threading.Thread(target=self._read, args=(stream,)) for stream in (self.process.stderr, self.process.stdout)
        ]
        for thread in self._threads:
            thread.start()

    def _url(self):
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"serving on (\S+)", line):
                return found[1]
        raise AssertionError(f"the server has not started: {''.join(self.log)}")

    def _read(self, stream):
        for line in stream:
            self.log.append(line)

    @property
    def text(self):
        return "".join(self.log)

    @property
    def client(self):
        """Lumo's own client."""
        return LumoClient(api_key=KEY, base_url=self.url)

    @property
    def http(self):
        """A plain client that shows the key."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    def call(self, method, path, body=None, **options):
        """One request; its response."""
        with self.http as http:
            return http.request(method, path, **({} if body is None else {"json": body}), **options)

    @property
    def place(self):
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def request_text(self, path, body):
        """A request as it goes over the wire."""
        data = json.dumps(body)
        lines = (
            f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {KEY}",
            "Content-Type: application/json", f"Content-Length: {len(data)}",
        )  # fmt: skip
        return ("\r\n".join(lines) + "\r\n\r\n" + data).encode()

    def frames(self, path, body):
        """The frames of a stream."""
        with self.http as http, http.stream("POST", path, json=body) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.headers["x-accel-buffering"] == "no"
            lines = [line for line in response.iter_lines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    def status_of(self, thread_id):
        """Where a thread stands."""
        return self.call("GET", f"/threads/{thread_id}").json().get("status")

    def sessions(self):
        """Processes below the server: the zygote and its sessions."""
        return processes_below(self.process.pid)

    def end(self, number=signal.SIGTERM, seconds=60):
        """End it with a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(seconds)
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stderr, self.process.stdout):
            stream.close()
        return code


def folder_with_tools(path):
    """Where a server runs, with the operator's tools in it."""
    (path / "mytools.py").write_text(TOOLS)
    return path


@contextmanager
def starting():
    """Starts servers, and ends them."""
    started = []

    def start(folder, *options, **environment):
        started.append(Server(folder, "--tools", "mytools.py", *options, **environment))
        return started[-1]

    yield start
    for server in started:
        below = server.sessions() if server.process.poll() is None else set()
        server.end(signal.SIGKILL)
        assert until(lambda left=below: all(has_ended(pid) for pid in left))


@pytest.fixture
def folder(tmp_path):
    """Where the servers of a test run."""
    return folder_with_tools(tmp_path)


@pytest.fixture
def serve(folder):
    """Starts servers in the folder."""
    with starting() as start:
        yield partial(start, folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of a module, with a store of its own."""
    with starting() as start:
        yield start(folder_with_tools(tmp_path_factory.mktemp("server")), "--checkpointer", "sqlite:///runs.db")
