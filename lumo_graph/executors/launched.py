"""A process that a launcher of the user's has started, and a session in it: `ProcessExecutor(launch=...)`."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumo_graph.errors import ExecutorError
from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.restoring import one_line
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.carrier import FAILED, FIND, FORK, FOUND, HERE, LOAD, LOADED, Carrier
from lumo_graph.executors.worker.relay import Relay
from lumo_graph.executors.worker.source import digest_source
from lumo_graph.executors.worker.starting import Ends

_SOURCE = digest_source()  # now: what is installed may change while this process runs
_WORKER = ("-P", "-s", "-m", "lumo_graph.executors.worker")
_NEEDED = "It has to start a Python 3.11 or newer that has lumo_graph, msgpack and cloudpickle"
_START_SECONDS = 120.0
_KILL_SECONDS = 2.0
"""After an order to end everything, before the launcher is ended."""
_DELIVER_SECONDS = 1.0
_EXIT_SECONDS = 0.5
_TERMINATE_SECONDS = 1.0
_KEPT = 4_000
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
            source, self.python_version = _parse_here(self._expect(HERE))
            if source != _SOURCE:
                raise ExecutorError(
                    f"The Python that {self.name!r} starts has other code of lumo_graph than this process. Install the "
                    f"same version there, or start this program again if another one was installed here meanwhile."
                )
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

    def connect(self, request: dict[str, Any], ends: Ends) -> None:
        """Have the worker fork a session, and connect it with these ends from now on, from another thread."""
        self._carrier.put(FORK, request)
        self._relay = Relay(self._carrier, ends, inside=False)
        threading.Thread(target=self._carry, args=(self._relay,), name="lumo-relay", daemon=True).start()

    def end(self) -> int | None:
        """End the process and its process group: it is asked first, by the end of its input. May be called twice.

        Returns:
            Its exit status, negative for a signal; None if it cannot be ended.
        """
        for pipe in self._pipes[:2]:
            pipe.close()
        for number, seconds in ((signal.SIGTERM, _EXIT_SECONDS), (signal.SIGKILL, _TERMINATE_SECONDS)):
            if not self._wait(seconds):
                self._signal(number)
        self._wait(_EXIT_SECONDS)
        self._hear()
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
                f"start a Python and nothing else there, without a terminal (`docker run -i`, not `-it`).{self._said()}"
            ) from None
        if message[0] == FAILED and len(message) > 1:
            raise ExecutorError(f"The worker that {self.name!r} has started could not start: {one_line(str(message[1]))}")
        if message[0] != kind or len(message) != 2:  # noqa: PLR2004 - a kind and its content
            raise ExecutorError(f"The launcher {self.name!r} answered {one_line(str(message[0]))[:50]!r}, not {kind!r}.")
        return message[1]

    def _receive(self, until: float) -> list[Any]:
        carrier, stderr = self._carrier, self._pipes[2]
        while (left := until - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(carrier.reading, select.POLLIN)
            if carrier.unsent:
                poll.register(carrier.writing, select.POLLOUT)
            if not stderr.closed:
                poll.register(stderr, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
            carrier.flush()
            if not stderr.closed and stderr.fileno() in ready:
                self._hear()
            if carrier.reading in ready and (message := carrier.take_one()) is not None:
                return message
        raise ExecutorError(f"The launcher {self.name!r} started no session in {_START_SECONDS:g} s.{self._said()}")

    def _carry(self, relay: Relay) -> None:
        broken = ""
        try:
            self._pump(relay)
        except FrameError as failure:
            broken = f"What {self.name!r} has sent is not the worker's: {failure}"
        finally:
            try:
                if not relay.finished and not relay.killed and not relay.left:
                    self._report(relay, broken)
            finally:
                relay.close_streams()
                self.end()
                relay.close()

    def _pump(self, relay: Relay) -> None:
        until = float("inf")
        while not (relay.left or relay.cut or relay.finished):
            if relay.killed:
                until = min(until, time.monotonic() + _KILL_SECONDS)
            left = until - time.monotonic()
            if left <= 0:
                return
            if relay.step(left if relay.killed else None, None if self._pipes[2].closed else self._pipes[2].fileno()):
                self._hear()
        until = time.monotonic() + _DELIVER_SECONDS
        while not (relay.delivered or relay.left or relay.killed) and (left := until - time.monotonic()) > 0:
            relay.step(left)

    def _report(self, relay: Relay, broken: str) -> None:
        # The launcher has ended in the middle of a session, or broken it: nobody inside can say so.
        if broken:
            relay.say(f"{broken}\n")
        elif self._wait(_EXIT_SECONDS):
            self._hear()
            relay.say(f"The launcher {self.name!r} has ended.{self._said()}\n")
            if (status := self._status()) is not None:
                relay.tell(orders.DIED + str(status).encode())

    def _describe_end(self) -> str:
        status = self.end()
        how = "closed its standard output" if status is None else f"ended with status {status}"
        return f"The launcher {self.name!r} {how} before a session could start in it.{self._said()} {_NEEDED}."

    def _said(self) -> str:
        text = one_line(self._words.decode("utf-8", "replace").strip()[-_SAID:])
        return f" It said: {text}" if text else ""

    def _hear(self) -> None:
        stderr = self._pipes[2]
        with contextlib.suppress(BlockingIOError):
            for _ in range(_KEPT):
                if stderr.closed:
                    return
                if not (data := os.read(stderr.fileno(), _READ)):
                    stderr.close()
                    return
                self._words += data
                del self._words[:-_KEPT]

    def _wait(self, seconds: float) -> bool:
        until, pause = time.monotonic() + seconds, 0.0005
        while self._status() is None:
            if time.monotonic() > until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return True

    def _status(self) -> int | None:
        # The exit status, without reaping: as long as that is not done, the number of its group belongs to nobody else.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a launcher offers."""

    python_version: tuple[int, int]
    packages: tuple[str, ...]


_found: dict[tuple[str, ...], Found] = {}


def launch_session(
    command: tuple[str, ...], preload: tuple[str, ...], request: dict[str, Any], descriptors: Sequence[int]
) -> None:
    """Launch a process and start a session's guard in it, connected with these: data, control, stdout, stderr.

    Raises:
        ExecutorError: no session could be started.
    """
    launched = Launched(command)
    try:
        if preload:
            launched.ask(LOAD, list(preload), LOADED)
        data, control, stdout, stderr = map(os.dup, descriptors)
        launched.connect(request, Ends(data=data, control=control, stdout=stdout, stderr=stderr))
    except BaseException:
        launched.end()
        raise


def find_out(command: tuple[str, ...], names: Sequence[str]) -> Found:
    """What a launcher offers. It is launched for it once in the life of this process.

    Args:
        command: the launcher.
        names: packages to look for.

    Raises:
        ExecutorError: what it starts is no worker.
    """
    if command not in _found:
        launched = Launched(command)
        try:
            packages = launched.ask(FIND, list(names), FOUND)
            known = tuple(name for name in names if name in packages) if type(packages) is list else ()
            _found[command] = Found(python_version=launched.python_version, packages=known)
        finally:
            launched.end()
    return _found[command]


def _parse_here(content: Any) -> tuple[str, tuple[int, int]]:
    match content:
        case [str(source), [int(major), int(minor)]]:
            return source, (major, minor)
        case _:
            raise ExecutorError("What was launched says something else than which worker it is.")


def _forget_after_fork() -> None:
    for launched in list(_all):
        launched.forget()
    _all.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
