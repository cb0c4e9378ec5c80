"""The host's handle on a zygote: one process for each set of preloaded packages, from which sessions are forked."""

import atexit
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from array import array
from pathlib import Path
from typing import Any

from lumo_graph.errors import ExecutorError
from lumo_graph.executors.frames import TO_HOST_CAP, FrameError, Frames, pack
from lumo_graph.executors.jail.plan import site_directories
from lumo_graph.executors.worker.environment import scrubbed_environment
from lumo_graph.executors.worker.source import digest_source

_SOURCE = digest_source()  # now: what is installed may change while this process runs
_START_SECONDS = 120.0
_FORK_SECONDS = 60.0
_CLOSE_SECONDS = 5.0
_READ = 1 << 16

# Starts the worker without looking at the working directory, and with the packages that the host has. The worker itself
# is the host's own: another version may be installed besides.
_BOOT = """
import json, sys
root, sites, descriptor, preload = json.loads(sys.argv[1])
sys.path[:] = [entry for entry in sys.path if entry not in sites] + sites
known = list(sys.path)
sys.path.insert(0, root)
from lumo_graph.executors.worker.zygote import serve
sys.path[:] = known
serve(descriptor, preload)
"""


class Zygote:
    """A fresh process with a scrubbed environment. Starts when it is made, ends when the host ends in any way."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process that writes to it
        root = str(Path(__file__).parents[2])
        boot = json.dumps([root, site_directories(), theirs.fileno(), list(preload)])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
                [sys.executable, "-P", "-s", "-c", _BOOT, boot],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                env=scrubbed_environment(),
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        reply = self._reply(_START_SECONDS)
        if reply is None or reply[0] != "ready":
            reason = str(reply[1]) if reply else self._last_words()
            self.close()
            killed = reply is None and self._process.returncode < 0
            kind = ZygoteGoneError if killed else ExecutorError
            raise kind(f"The process that sessions start from could not start: {reason}")
        if reply[1:] != [_SOURCE]:
            self.close()
            raise ExecutorError(
                f"The process that sessions start from has other code of lumo_graph than this one, which runs that "
                f"in {root!r}. Was another version installed meanwhile? Start this program again."
            )

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start a session's guard with these descriptors: data, control, stdout, stderr.

        Raises:
            ExecutorError: the process is gone or cannot fork.
        """
        with self._lock:
            try:
                data = pack(["fork", request], TO_HOST_CAP)
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
                self._socket.sendmsg([data], [rights])
                reply = self._reply(_FORK_SECONDS)
            except OSError:
                reply = None
        if reply is None:
            raise ZygoteGoneError(f"The process that sessions start from has ended: {self._last_words()}")
        if reply[0] != "forked":
            raise ExecutorError(f"No session could be started: {reply[1]}")

    def close(self) -> None:
        """End the process; sessions that run go on until they are closed."""
        self._socket.close()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._messages.close()

    def forget(self) -> None:
        """Let go of it in a child that the host has forked: it is the parent's."""
        self._socket.close()
        self._messages.close()
        self._process.returncode = 0  # not a child of this process: nothing to wait for

    def _reply(self, seconds: float) -> list[Any] | None:
        frames = Frames(TO_HOST_CAP)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while poll.poll(seconds * 1000):
            with contextlib.suppress(ConnectionError, FrameError):
                if data := self._socket.recv(_READ):
                    for message in frames.feed(data):
                        return message
                    continue
            return None
        return None

    def _last_words(self) -> str:
        self._messages.seek(0)
        text = self._messages.read().decode("utf-8", "replace").strip()
        return text.rpartition("\n")[2][-500:] or f"exit status {self._process.poll()}"


class ZygoteGoneError(ExecutorError):
    """The zygote has ended, killed from outside perhaps; a new one can be started."""


_zygotes: dict[tuple[str, ...], Zygote] = {}
_lock = threading.Lock()


def fork_session(preload: tuple[str, ...], request: dict[str, Any], descriptors: list[int]) -> None:
    """Start a session from the zygote that has these packages loaded; it is started when there is none yet.

    Raises:
        ExecutorError: no zygote or no session could be started.
    """
    try:
        _fork(preload, request, descriptors)
    except ZygoteGoneError:
        _fork(preload, request, descriptors)


def _fork(preload: tuple[str, ...], request: dict[str, Any], descriptors: list[int]) -> None:
    zygote = _zygote(preload)
    try:
        zygote.fork(request, descriptors)
    except ZygoteGoneError:
        _discard(preload, zygote)
        raise


def close_zygotes() -> None:
    """End every zygote of this process. They start again when a session needs one."""
    with _lock:
        zygotes = list(_zygotes.values())
        _zygotes.clear()
    for zygote in zygotes:
        zygote.close()


def _zygote(preload: tuple[str, ...]) -> Zygote:
    with _lock:
        if preload not in _zygotes:
            _zygotes[preload] = Zygote(preload)
        return _zygotes[preload]


def _discard(preload: tuple[str, ...], zygote: Zygote) -> None:
    with _lock:
        if _zygotes.get(preload) is zygote:
            del _zygotes[preload]
    zygote.close()


def _forget_after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not here may have held it
    _lock = threading.Lock()
    for zygote in _zygotes.values():
        zygote.forget()
    _zygotes.clear()


atexit.register(close_zygotes)
os.register_at_fork(after_in_child=_forget_after_fork)
