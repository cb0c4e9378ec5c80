"""A process that a command of the user's has launched, with the worker in it: how it starts, speaks and ends."""

import contextlib
import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lumo_graph.errors import ExecutorError
from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.restoring import one_line
from lumo_graph.executors.worker.carrier import FAILED, FORK, HERE, Carrier
from lumo_graph.executors.worker.relay import Relay
from lumo_graph.executors.worker.source import digest_source
from lumo_graph.executors.worker.starting import Ends

_SOURCE = digest_source()  # now: what is installed may change while this process runs
_WORKER = ("-P", "-s", "-m", "lumo_graph.executors.worker")
_NEEDED = "It has to start a Python 3.11 or newer that has lumo_graph, msgpack and cloudpickle"
_START_SECONDS = 120.0
_EXIT_SECONDS = 1.0
_TERMINATE_SECONDS = 1.0
_KEPT = 4_000
_MOST_AT_ONCE = 64
_SAID = 500
_READ = 1 << 16

# What launchers need to find their files and services; nothing that may be a secret.
_ENVIRONMENT = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "DOCKER_HOST",
    "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "CONTAINER_HOST", "KUBECONFIG",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
)  # fmt: skip

_all: "weakref.WeakSet[Launched]" = weakref.WeakSet()


class Launched:
    """A process that was launched, with the worker in it, before and while it has a session.

    Args:
        command: launches a Python; what the worker needs is added to it.

    Raises:
        ExecutorError: it cannot be started, or what it starts is no worker of this version.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.name = Path(command[0]).name
        self._words = bytearray()
        self._relay: Relay | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                [*command, *_WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as failure:
            raise ExecutorError(
                f"launch={list(command)!r} cannot be run: {failure.strerror or failure}. Is {command[0]!r} installed?"
            ) from failure
        _all.add(self)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None and stdout is not None and stderr is not None  # noqa: S101, PT018 - asked for above
        self._pipes = (stdin, stdout, stderr)
        os.set_blocking(stderr.fileno(), False)
        self._carrier = Carrier(stdout.fileno(), stdin.fileno())
        try:
            self.python_version = self._check_version(self._expect(HERE))
        except BaseException:
            self.end()
            raise

    def ask(self, kind: str, content: Any, answer: str) -> Any:
        """Ask the worker something, before it has a session.

        Raises:
            ExecutorError: it does not answer as it should.
        """
        self._carrier.put(kind, content)
        return self._expect(answer)

    def connect(self, request: dict[str, Any], ends: Ends) -> Relay:
        """Have the worker fork a session, to be connected with these ends by the relay that is returned."""
        self._carrier.put(FORK, request)
        self._relay = Relay(self._carrier, ends, inside=False)
        return self._relay

    @property
    def words(self) -> int | None:
        """Descriptor of its error output, as long as there is some to come."""
        return None if self._pipes[2].closed else self._pipes[2].fileno()

    def end(self) -> int | None:
        """End the process and its process group: it is asked first, by the end of its input. May be called twice.

        Returns:
            Its exit status, negative for a signal; None if it cannot be ended.
        """
        for pipe in self._pipes[:2]:
            pipe.close()
        for number, seconds in ((signal.SIGTERM, _EXIT_SECONDS), (signal.SIGKILL, _TERMINATE_SECONDS)):
            if not self.wait(seconds):
                self._signal(number)
        self.wait(_EXIT_SECONDS)
        self.hear()
        self._pipes[2].close()
        self._signal(signal.SIGKILL)  # what it has started and left; its own number is not free until it is reaped
        return self._process.poll()

    def forget(self) -> None:
        """Let go of it in a child that the host has forked: it is the parent's."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        if self._relay is not None:
            with contextlib.suppress(OSError):
                self._relay.close()
        self._process.returncode = 0  # not a child of this process: nothing to wait for

    def _expect(self, kind: str) -> Any:
        try:
            message = self._receive(time.monotonic() + _START_SECONDS)
        except EOFError:
            raise ExecutorError(self._describe_end()) from None
        except FrameError:
            raise ExecutorError(
                f"The launcher {self.name!r} wrote something to its standard output that is not the worker's: it must "
                f"start a Python and nothing else there, without a terminal (`docker run -i`, not `-it`).{self.said()}"
            ) from None
        if message[0] == FAILED and len(message) > 1:
            raise ExecutorError(f"What {self.name!r} has started cannot load {one_line(str(message[1]))}")
        if message[0] != kind or len(message) != 2:  # noqa: PLR2004 - a kind and its content
            raise ExecutorError(f"The launcher {self.name!r} said {one_line(message[0])[:50]!r}, not {kind!r}.")
        return message[1]

    def _check_version(self, content: Any) -> tuple[int, int]:
        match content:
            case [str(source), [int(major), int(minor)]] if source == _SOURCE:
                return major, minor
            case _:
                raise ExecutorError(
                    f"The Python that {self.name!r} starts has other code of lumo_graph than this process. Install the "
                    f"same version there, or start this program again if another one was installed here meanwhile."
                )

    def _receive(self, until: float) -> list[Any]:
        carrier = self._carrier
        while (left := until - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(carrier.reading, select.POLLIN)
            if carrier.unsent:
                poll.register(carrier.writing, select.POLLOUT)
            if self.words is not None:
                poll.register(self.words, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
            carrier.flush()
            if self.words in ready:
                self.hear()
            if carrier.reading in ready and (message := carrier.take_one()) is not None:
                return message
        raise ExecutorError(f"The launcher {self.name!r} started no session in {_START_SECONDS:g} s.{self.said()}")

    def _describe_end(self) -> str:
        status = self.end()
        how = "closed its standard output" if status is None else f"ended with status {status}"
        return f"The launcher {self.name!r} {how} before a session could start in it.{self.said()} {_NEEDED}."

    def said(self) -> str:
        """The end of what it has written to its error output, as the end of a message."""
        text = one_line(self._words.decode("utf-8", "replace").strip()[-_SAID:])
        return f" It said: {text}" if text else ""

    def hear(self) -> None:
        """Take what it has written to its error output. The end of it is kept."""
        stderr = self._pipes[2]
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_AT_ONCE):
                if stderr.closed:
                    return
                if not (data := os.read(stderr.fileno(), _READ)):
                    stderr.close()
                    return
                self._words += data
                del self._words[:-_KEPT]

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has ended."""
        until, pause = time.monotonic() + seconds, 0.0005
        while self.status is None:
            if time.monotonic() > until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return True

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None as long as it runs."""
        # It is not reaped for that: until then the number of its group belongs to nobody else.
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.poll()
        try:
            ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return self._process.poll()
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _forget_after_fork() -> None:
    for launched in list(_all):
        launched.forget()
    _all.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
