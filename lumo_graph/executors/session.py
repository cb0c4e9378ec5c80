"""The host's half of a session."""

import contextlib
import contextvars
import threading
import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors.calls import Calls, Threads
from lumo_graph.executors.checking import (
    DoneMessage,
    parse_call,
    parse_component,
    parse_done,
    parse_text,
    parse_unsaved,
)
from lumo_graph.executors.endings import describe_death, describe_stop
from lumo_graph.executors.frames import TO_WORKER_CAP, FrameError, FrameTooLargeError, mebibytes, pack
from lumo_graph.executors.link import EndedError, Link
from lumo_graph.executors.output import Capture
from lumo_graph.types import CodeError, Execution, Isolation, Serve, Snapshot, Stream, ToolSpec, Write

_GRACE = 0.5
_SEND_SECONDS = 10.0
_SNAPSHOT_SECONDS = 120.0
_SNAPSHOT_CAP = 272 << 20
_LONGEST_WAIT = 3600.0


class ProcessSession:
    """A jailed interpreter in a process of its own. Made by `ProcessExecutor.open`."""

    def __init__(self, link: Link, isolation: Isolation, tools: Sequence[ToolSpec], *, memory_mb: int) -> None:
        self._link = link
        self._isolation = isolation
        self._tools = {tool.name: tool for tool in tools}
        self._memory_mb = memory_mb
        self._threads = Threads()
        self._busy = threading.Lock()
        self._actions = 0
        self._running: _Running | None = None
        self._ended: str | None = None
        self._close = weakref.finalize(self, _close, link, self._threads)

    @property
    def isolation(self) -> Isolation:
        """What contains this session."""
        return self._isolation

    def execute(self, code: str, *, seconds: float, serve: Serve, write: Write | None = None) -> Execution:
        """Run one code action to its end, or to its time limit.

        Args:
            code: Python source; top-level `await` is allowed.
            seconds: wall-clock limit, tool calls included.
            serve: answers the tool calls of the action, from daemon threads with the caller's context variables.
            write: receives output as it is printed, up to the bound that `Execution` has for its head.

        Returns:
            What the action did. If `rolled_back`, the session has ended.

        Raises:
            ExecutorError: the session has ended before, or another action is running.
        """
        with self._alone():
            self._actions += 1
            calls = Calls(
                serve=serve,
                context=contextvars.copy_context(),
                threads=self._threads,
                send=self._send_reply,
                wake=self._link.wake,
            )
            running = _Running(
                self._link, tools=self._tools, calls=calls, number=self._actions, seconds=seconds, write=write
            )
            self._running = running
            try:
                execution = running.run(code, self._memory_mb)
            except BaseException:
                self._end("its action was abandoned")
                raise
            finally:
                self._running = None
                calls.close()
            if execution.rolled_back and execution.error is not None:
                self._end(f"{execution.error.kind}: {execution.error.message}")
            return execution

    def interrupt(self) -> None:
        """Make a running `execute` end soon, from another thread. Does nothing if none is running."""
        if (running := self._running) is not None:
            running.interrupted = True
            self._link.wake()

    def snapshot(self) -> Snapshot:
        """What changed in the namespace since the last snapshot, or since the namespace was restored.

        Raises:
            SnapshotError: the namespace cannot be saved. The session lives on if it can.
            ExecutorError: the session has ended, or an action is running.
        """
        with self._alone():
            try:
                return self._receive_snapshot()
            except (EndedError, FrameError) as failure:
                self._end("it failed while its namespace was being saved")
                raise SnapshotError(f"The session ended while its namespace was being saved. {failure}") from failure
            except TimeoutError as failure:
                self._end("its namespace took too long to save")
                raise SnapshotError(f"The namespace took more than {_SNAPSHOT_SECONDS:g} s to save.") from failure
            except SnapshotError:
                raise
            except BaseException:
                self._end("its snapshot was abandoned")
                raise

    def close(self) -> None:
        """End the session and everything it started. May be called twice."""
        self._ended = self._ended or "it was closed"
        self.interrupt()
        with self._busy:
            self._close()

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        if not self._busy.acquire(blocking=False):
            raise ExecutorError("This session is busy: it does one thing at a time. Open another session.")
        try:
            if self._ended is not None:
                raise ExecutorError(f"This session has ended ({self._ended}). Open a new one from the last snapshot.")
            yield
        finally:
            self._busy.release()

    def _end(self, reason: str) -> None:
        self._ended = reason
        self._close()

    def _send_reply(self, data: bytes) -> None:
        with contextlib.suppress(EndedError):  # the thread that runs the action finds out for itself
            self._link.send_whole(data, _SEND_SECONDS)

    def _receive_snapshot(self) -> Snapshot:
        link = self._link
        link.send_whole(pack(["snapshot"], TO_WORKER_CAP), _SEND_SECONDS)
        until = time.monotonic() + _SNAPSHOT_SECONDS
        changed: dict[str, bytearray | None] = {}
        size = 0
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = link.wait(left)
            for message in link.receive() if readable else ():
                if message[0] == "snapped":
                    blobs = {name: None if blob is None else bytes(blob) for name, blob in changed.items()}
                    return Snapshot(changed=blobs, unsaved=parse_unsaved(message))
                if message[0] == "refused":
                    raise SnapshotError(f"The namespace could not be saved: {parse_text(message)}")
                if message[0] == "component":
                    size += _collect(message, changed)
                    if size > _SNAPSHOT_CAP:
                        raise FrameError(f"a snapshot over {mebibytes(_SNAPSHOT_CAP)}")
                elif message[0] != "call":  # of a thread that the last action has left behind: nobody answers
                    raise FrameError("something else than a snapshot")
        raise TimeoutError


def _collect(message: list[Any], changed: dict[str, bytearray | None]) -> int:
    name, part, _ = parse_component(message)
    if part is None:
        changed[name] = None
        return len(name)
    blob = changed.setdefault(name, bytearray())
    if blob is None:
        raise FrameError("a component that is gone and has bytes")
    blob += part
    return len(part) + len(name)


def _close(link: Link, threads: Threads) -> None:
    link.kill()
    link.end()
    link.close()
    threads.close()


class _Running:
    """One action between its start and its end."""

    def __init__(
        self,
        link: Link,
        *,
        tools: Mapping[str, ToolSpec],
        calls: Calls,
        number: int,
        seconds: float,
        write: Write | None,
    ) -> None:
        self.interrupted = False
        self._link = link
        self._tools = tools
        self._calls = calls
        self._number = number
        self._seconds = seconds
        self._write = write
        self._started = time.monotonic()
        self._until = self._started + seconds
        self._stopping: str | None = None
        self._stdout, self._stderr = Capture(), Capture()

    def run(self, code: str, memory_mb: int) -> Execution:
        try:
            try:
                self._link.send_whole(pack(["exec", self._number, code], TO_WORKER_CAP), _SEND_SECONDS)
            except FrameTooLargeError as failure:
                return self._finish(error=CodeError(kind="SyntaxError", message=f"The action is too long: {failure}."))
            except UnicodeEncodeError as failure:
                return self._finish(error=CodeError(kind="SyntaxError", message=f"The action is not text: {failure}."))
            done = self._wait()
        except EndedError:
            return self._died(memory_mb)
        except FrameError as failure:
            self._link.kill()
            self._link.end()
            message = f"The code broke the channel of its session: {failure}. The session was ended."
            return self._lost(CodeError(kind="SessionDied", message=message))
        if done is not None and self._stopping is None:
            return self._finish(done=done)
        self._link.kill()
        self._link.end()
        return self._lost(describe_stop(self._stopping or "TimeoutError", self._seconds, done.error if done else None))

    def _wait(self) -> DoneMessage | None:
        # Returns None if the action had to be stopped and did not even end then.
        while True:
            if (failure := self._calls.failure) is not None:
                raise failure
            left = self._until - time.monotonic()
            if left <= 0 or (self.interrupted and self._stopping is None):
                if self._stopping is not None:
                    return None
                self._stop("KeyboardInterrupt" if self.interrupted else "TimeoutError")
                continue
            readable, (stdout, stderr), _ = self._link.wait(min(left, _LONGEST_WAIT))
            self._take(stdout, stderr)
            for message in self._link.receive() if readable else ():
                if (done := self._handle(message)) is not None:
                    for part in self._link.drain():
                        self._take(*part)
                    return done

    def _handle(self, message: list[Any]) -> DoneMessage | None:
        if message[0] == "call":
            call = parse_call(message, self._tools)
            if call.action == self._number and self._stopping is None:
                self._calls.submit(call)
            return None
        if message[0] != "done":
            raise FrameError(f"a message of kind {message[0][:50]!r}")
        done = parse_done(message)
        if done.action != self._number:
            raise FrameError("the end of another action")
        return done

    def _stop(self, kind: str) -> None:
        self._stopping = kind
        self._calls.close()
        self._link.interrupt()
        self._until = time.monotonic() + _GRACE

    def _take(self, stdout: bytes, stderr: bytes) -> None:
        streams: tuple[tuple[Stream, Capture, bytes], ...] = (
            ("stdout", self._stdout, stdout),
            ("stderr", self._stderr, stderr),
        )
        for name, capture, data in streams:
            if data and (text := capture.add(data)) and self._write is not None:
                self._write(name, text)

    def _died(self, memory_mb: int) -> Execution:
        status = self._link.end(_GRACE)
        if status is None:  # its end of the stream is closed, but it is alive
            self._link.kill()
            self._link.end()
        if (failure := self._calls.failure) is not None:
            raise failure
        if self._stopping is not None:
            return self._lost(describe_stop(self._stopping, self._seconds, None))
        return self._lost(describe_death(status, memory_mb))

    def _lost(self, error: CodeError) -> Execution:
        for part in self._link.drain():
            self._take(*part)
        return self._finish(error=error, rolled_back=True)

    def _finish(
        self, *, done: DoneMessage | None = None, error: CodeError | None = None, rolled_back: bool = False
    ) -> Execution:
        return Execution(
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            value=done.value if done else None,
            answer=done.answer if done else None,
            error=done.error if done else error,
            calls=self._calls.close(),
            variables=done.variables if done else {},
            rolled_back=rolled_back,
            seconds=time.monotonic() - self._started,
        )
