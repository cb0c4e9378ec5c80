"""One action on the host's side: sends the code, serves its calls, keeps its output, and watches the clock."""

import secrets
import signal
import time
from collections.abc import Mapping
from typing import Any

from lumo_graph.executors.calls import Calls
from lumo_graph.executors.checking import DoneMessage, parse_call, parse_done, parse_unfrozen
from lumo_graph.executors.clock import ActionClock
from lumo_graph.executors.control import EndedError
from lumo_graph.executors.endings import (
    ROLLED_BACK,
    Allowed,
    describe_death,
    describe_leftovers,
    describe_lost,
    describe_overuse,
    describe_stop,
)
from lumo_graph.executors.frames import TO_WORKER_CAP, FrameError, FrameTooLargeError, mebibytes, pack
from lumo_graph.executors.link import Link
from lumo_graph.executors.output import Capture
from lumo_graph.executors.thawing import thaw
from lumo_graph.sources import MAX_CLOCK_BYTES
from lumo_graph.types import CodeError, Execution, Sources, Stream, ToolSpec, Write

GRACE = 0.25
"""Seconds between SIGINT and SIGKILL."""
_DEATH_SECONDS = 0.25
END_SECONDS = 0.45
"""Seconds a session has to end and to clear up after SIGKILL, before its action is over without it."""
SEND_SECONDS = 10.0
"""Seconds an idle session has to take what it is sent."""
_TAKE_SECONDS = 5.0
_MAX_RECEIVED = 64 << 20
_MAX_PARTS = 2_000_000
"""Values in the arguments of all tool calls of one action: each takes the host time, whatever comes of the call."""
_MAX_LAST = 256 << 10
"""Bytes that an action may send once it is to stop: enough to say that it has ended."""


class RunningAction:
    """One action between its start and its end."""

    def __init__(
        self,
        link: Link,
        *,
        tools: Mapping[str, ToolSpec],
        calls: Calls,
        number: int,
        clock: ActionClock,
        allowed: Allowed,
        write: Write | None,
        sources: Sources | None = None,
    ) -> None:
        self.interrupted = False
        self.undoable = False
        """It has ended by itself, and there is a copy from before it."""
        self.unfrozen: str | None = None
        """Why there is no copy from before the action, if that is so."""
        self.thawed: tuple[str, ...] | None = None
        """Names of the threads that were lost on the way back to the copy; None if there was no such way."""
        self._link = link
        self._tools = tools
        self._calls = calls
        self._number = number
        self._limit = clock
        self._allowed = allowed
        self._write = write
        self._sources = sources
        self._clock = bytearray(sources.clock if sources is not None else b"")
        self._received = link.received
        self._parts = 0
        self._most_received: int | None = None
        self._started = time.monotonic()
        self._stopping: str | None = None
        self._overspent = False  # it was stopped for its processor time
        self._stdout, self._stderr = Capture(), Capture()

    def run(self, code: str) -> Execution:
        """Run the action to its end, whatever that is.

        Args:
            code: Python source.
        """
        try:
            try:
                word = secrets.token_hex(8)
                seed, clock = (None, b"") if self._sources is None else (self._sources.seed, self._sources.clock)
                message = pack(["exec", self._number, code, word, seed, clock], TO_WORKER_CAP)
                self._link.control.begin(word)
                self._link.send_whole(message, min(self._limit.seconds, SEND_SECONDS))
            except FrameTooLargeError as failure:
                return self._finish(error=CodeError(kind="SyntaxError", message=f"The action is too long: {failure}."))
            except UnicodeEncodeError as failure:
                return self._finish(error=CodeError(kind="SyntaxError", message=f"The action is not text: {failure}."))
            done = self._wait()
            if done is not None and self._stopping is None:
                self._check_results_taken()
                self._link.control.rest()
        except EndedError:
            return self._died()
        except FrameError as failure:
            message = f"The code broke the channel of its session: {failure}. {ROLLED_BACK}"
            return self._undone(CodeError(kind="SessionDied", message=message))
        if done is not None and self._stopping is None:
            self.undoable = self.unfrozen is None
            return self._finish(done=done)
        return self._undone(self._describe_stop(done.error if done else None))

    def roll_back(self) -> bool:
        """Go back to before the action, whatever it is doing.

        Returns:
            Whether that worked. If not, the session is killed.
        """
        self._calls.close()
        self.thawed = thaw(self._link)
        if self.thawed is None:
            self._link.control.kill()
            self._link.control.end(END_SECONDS)
        return self.thawed is not None

    def _check_results_taken(self) -> None:
        # A result that is still on its way would stand before the next action.
        self._calls.close()
        left = self._limit.left
        if not self._link.sends_nothing(min(max(left, GRACE), _TAKE_SECONDS)):
            raise FrameError("it does not take the results of its tool calls")

    def _wait(self) -> DoneMessage | None:
        # Returns None if the action had to be stopped and did not even end then.
        while True:
            if (failure := self._calls.failure) is not None:
                raise failure
            left = self._limit.left
            if left <= 0 or ((self.interrupted or self._link.control.over) and self._stopping is None):
                if self._stopping is not None:
                    return None
                self._stop("KeyboardInterrupt" if self.interrupted else "TimeoutError")
                self._overspent = self._link.control.over and not self.interrupted
                continue
            if self._most_received is not None and self._link.received > self._most_received:
                return None
            readable, (stdout, stderr), _ = self._link.wait(self._limit.pause)
            self._take(stdout, stderr)
            for message in self._link.receive() if readable else ():
                if (done := self._handle(message)) is not None:
                    for part in self._link.drain():
                        self._take(*part)
                    return done

    def _handle(self, message: list[Any]) -> DoneMessage | None:
        if message[0] == "call":
            if self._link.received - self._received > _MAX_RECEIVED:
                raise FrameError(f"tool calls of more than {mebibytes(_MAX_RECEIVED)} in one action")
            call = parse_call(message, self._tools)
            self._parts += call.parts
            if self._parts > _MAX_PARTS:
                raise FrameError(f"tool calls with more than {_MAX_PARTS:,} values in one action")
            if call.action == self._number:
                clock_at = self._add_to_clock(call.clock)
                if self._stopping is None:
                    self._calls.submit(call, clock_at=clock_at)
            return None
        if message[0] == "unfrozen" and self.unfrozen is None:
            self.unfrozen = parse_unfrozen(message)
            return None
        if message[0] != "done":
            raise FrameError(f"a message of kind {message[0][:50]!r}")
        done = parse_done(message)
        if done.action != self._number:
            raise FrameError("the end of another action")
        self._add_to_clock(done.clock)
        return done

    def _add_to_clock(self, times: bytes) -> int:
        start = len(self._clock)
        if start + len(times) > MAX_CLOCK_BYTES:
            raise FrameError("more times than an action may keep")
        self._clock += times
        return start

    def _stop(self, kind: str) -> None:
        self._stopping = kind
        self._calls.close()
        self._link.control.interrupt()
        self._most_received = self._link.received + _MAX_LAST - self._link.incomplete
        self._limit.end_in(GRACE)

    def _take(self, stdout: bytes, stderr: bytes) -> None:
        streams: tuple[tuple[Stream, Capture, bytes], ...] = (
            ("stdout", self._stdout, stdout),
            ("stderr", self._stderr, stderr),
        )
        for name, capture, data in streams:
            if data and (text := capture.add(data)) and self._write is not None:
                self._write(name, text)

    def _died(self) -> Execution:
        # No status: its end of the stream is closed, but it is alive.
        status, reason = self._link.control.death(_DEATH_SECONDS)
        if (failure := self._calls.failure) is not None:
            raise failure
        if self._stopping is None and self.interrupted:
            self._stopping = "KeyboardInterrupt"
        if self._allowed.cpu_seconds is not None and status == -signal.SIGXCPU:
            self._stopping, self._overspent = "TimeoutError", True
        if self._stopping is not None:
            return self._undone(self._describe_stop(None))
        if reason:
            return self._undone(describe_overuse(reason, self._allowed))
        return self._undone(describe_death(status, self._allowed.memory_mb))

    def _describe_stop(self, error: CodeError | None) -> CodeError:
        if self._overspent and self._allowed.cpu_seconds is not None:
            return describe_stop("TimeoutError", self._allowed.cpu_seconds, error, of_processor=True)
        return describe_stop(self._stopping or "TimeoutError", self._limit.seconds, error)

    def _undone(self, error: CodeError) -> Execution:
        self.roll_back()
        for part in self._link.drain():
            self._take(*part)
        return self._finish(error=error, rolled_back=True)

    def _notes(self, done: DoneMessage | None) -> tuple[str, ...]:
        if done is None:
            return describe_lost(self.thawed)
        return describe_leftovers(done.threads, done.processes, self.unfrozen, held=self._link.control.supervised)

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
            changed=done.changed if done else {},
            notes=self._notes(done),
            rolled_back=rolled_back,
            clock=bytes(self._clock) if self._sources is not None else b"",
            seconds=time.monotonic() - self._started,
        )
