"""`langgraph dev` as a process: our graphs in a directory of its own, its models on loopback, no key and no network."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import urlopen

from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from lumo_graph.testing import ScriptedOpenAI
from lumo_graph.testing.loopback import LoopbackServer
from lumo_graph.testing.openai import ServerReply

ROOT = Path(__file__).parents[2]
SERVED = Path(__file__).parent / "served"
_OFFLINE = {
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_NO_VERSION_CHECK": "true",  # asks PyPI
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
}
_START_SECONDS = 120.0
_END_SECONDS = 60.0


class Switch:
    """An address that stays, for model servers that come and go: whoever asks it is sent to the one of now."""

    def __init__(self) -> None:
        self.target = ""
        switch = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(307 if switch.target else 503)
                self.send_header("Location", f"{switch.target}{self.path.removeprefix('/v1')}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.close_connection = True

            def log_message(self, *_):
                """Say nothing."""

        self._server = LoopbackServer(Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self.base_url = f"http://127.0.0.1:{self._server.port}/v1"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.stop()
        self._thread.join()


@dataclass(frozen=True, kw_only=True)
class AgentServer:
    """One that runs."""

    process: subprocess.Popen[bytes]
    client: SyncLangGraphClient
    switch: Switch
    home: Path

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    @property
    def sent(self) -> list[str]:
        """What the tool `send` of the served graphs has sent, in order."""
        path = self.home / "sent"
        return path.read_text().split() if path.exists() else []

    @contextmanager
    def scripted(self, *replies: ServerReply) -> Generator[ScriptedOpenAI, None, None]:
        """A model that gives these replies, to every graph."""
        with ScriptedOpenAI(replies) as model:
            self.switch.target = model.base_url
            try:
                yield model
            finally:
                self.switch.target = ""

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(_END_SECONDS)


@contextmanager
def running_agent_server(binaries: Path, home: Path, options: Iterable[str] = ()) -> Generator[AgentServer, None, None]:
    """Serve the graphs of the checkout and those of the tests, from a directory that may be thrown away."""
    _lay_out(home)
    with Switch() as switch, (home / "log").open("wb") as log:
        port = _free_port()
        process = subprocess.Popen(
            [binaries / "langgraph", "dev", "--no-browser", "--port", str(port), *options],
            cwd=home,
            env={
                **os.environ,
                **_OFFLINE,
                "PYTHONPATH": str(ROOT),
                "LUMO_BASE_URL": switch.base_url,
                "SENT": str(home / "sent"),
            },
            stdout=log,
            stderr=log,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, home / "log")
            with get_sync_client(url=address, api_key=None) as client:
                yield AgentServer(process=process, client=client, switch=switch, home=home)
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(_END_SECONDS)
            finally:
                process.kill()


def _lay_out(home: Path) -> None:
    shutil.copytree(ROOT / "graphs", home / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SERVED, home / "served", ignore=shutil.ignore_patterns("__pycache__"))
    settings = json.loads((ROOT / "langgraph.json").read_text())
    settings["graphs"] |= {path.stem: f"./served/{path.name}:graph" for path in SERVED.glob("*.py")}
    (home / "langgraph.json").write_text(json.dumps(settings))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/ok", timeout=5):  # noqa: S310 - on loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"The Agent Server has not started: {log.read_text()}")
