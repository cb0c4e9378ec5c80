"""The host's half of a session."""

import contextlib
import contextvars
import threading
import weakref
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors.calls import Calls, Threads
from lumo_graph.executors.clock import ActionClock
from lumo_graph.executors.control import EndedError
from lumo_graph.executors.endings import Allowed
from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.link import Link
from lumo_graph.executors.restoring import Restored
from lumo_graph.executors.running import GRACE, RunningAction
from lumo_graph.executors.saving import Saved
from lumo_graph.executors.sealing import Seal
from lumo_graph.executors.thawing import thaw
from lumo_graph.types import Execution, Isolation, Serve, Snapshot, Sources, ToolSpec, Write

_LONGEST_SEND = 3600.0
_MOST_UNDONE = 3
"""Actions in a row that are undone before their session is given up: what they go back to may be what breaks them."""


class ProcessSession:
    """A jailed interpreter in a process of its own. Made by `ProcessExecutor.open`."""

    def __init__(
        self,
        link: Link,
        isolation: Isolation,
        tools: Sequence[ToolSpec],
        *,
        memory_mb: int,
        disk_mb: int | None = None,
        cpu_seconds: float | None = None,
        keep_files_mb: int = 0,
        restored: Restored | None = None,
        seal: Seal | None = None,
    ) -> None:
        restored = restored or Restored()
        self._lost = dict(restored.lost)
        self._saved = Saved(restored, keep_files_mb=keep_files_mb)
        self._seal = seal or Seal(())
        self._link = link
        self._isolation = isolation
        self._tools = {tool.name: tool for tool in tools}
        self._allowed = Allowed(memory_mb=memory_mb, disk_mb=disk_mb, cpu_seconds=cpu_seconds)
        self._threads = Threads()
        self._busy = threading.Lock()
        self._actions = 0
        self._running: RunningAction | None = None
        self._stop_saving = False
        self._ended: str | None = None
        self._undoable = False
        self._undone = 0
        self._told: tuple[str, ...] = ()
        self._close = weakref.finalize(self, _close, link, self._threads)

    @property
    def isolation(self) -> Isolation:
        """What contains this session."""
        return self._isolation

    @property
    def alive(self) -> bool:
        """Whether it can run an action. One that was stopped may: it goes on with the variables from before."""
        return self._ended is None

    @property
    def lost(self) -> Mapping[str, str]:
        """What is missing from the namespace it was opened with: path of a value to the reason."""
        return dict(self._lost)

    def execute(
        self, code: str, *, seconds: float, serve: Serve, write: Write | None = None, sources: Sources | None = None
    ) -> Execution:
        """Run one code action to its end, or to its time limit.

        Args:
            code: Python source; top-level `await` is allowed.
            seconds: wall-clock limit, tool calls included, but not the time in which other agents answer.
            serve: answers the tool calls of the action, from daemon threads with the caller's context variables.
            write: receives output as it is printed, up to the bound that `Execution` has for its head.
            sources: what the action draws random numbers and times from. None: the operating system; nothing is kept.

        Returns:
            What the action did. If `rolled_back`, the variables are those from before it: in this session if it is
            `alive`, else in its last snapshot.

        Raises:
            ExecutorError: the session has ended before, or another action is running.
        """
        with self._alone():
            self._actions += 1
            clock = ActionClock(seconds)
            calls = Calls(
                serve=clock.serving(serve, self._tools),
                context=contextvars.copy_context(),
                threads=self._threads,
                # A reply that is cut off spoils the stream: it has as long as the action has.
                send=lambda data: self._send_reply(data, min(max(clock.left + GRACE, 0.0), _LONGEST_SEND)),
                wake=self._link.wake,
            )
            running = RunningAction(
                self._link, tools=self._tools, calls=calls, number=self._actions,
                clock=clock, allowed=self._allowed, write=write, sources=sources,
            )  # fmt: skip
            self._running = running
            try:
                execution = running.run(code)
            except BaseException:
                if not running.roll_back():
                    self._end("its action was abandoned")
                raise
            finally:
                self._running = None
                calls.close()
            told, self._told = self._told, execution.notes
            execution = replace(execution, notes=tuple(note for note in execution.notes if note not in told))
            self._undoable = running.undoable and self._link.control.freezes
            self._undone = self._undone + 1 if execution.rolled_back and not running.interrupted else 0
            lost = running.thawed is None or self._undone >= _MOST_UNDONE
            if execution.rolled_back and lost and execution.error is not None:
                self._end(f"{execution.error.kind}: {execution.error.message}")
            return execution

    def rollback(self) -> bool:
        """Undo the last action: its variables are again those from before it, generators and open files included.

        What it has done outside of the namespace stays done, such as calls of tools.

        Returns:
            Whether it was undone. It can be once, if a copy was frozen before it, and until a snapshot holds what it
            has done.

        Raises:
            ExecutorError: the session has ended, or is in an action.
        """
        with self._alone():
            if not self._undoable:
                return False
            self._undoable = False
            if thaw(self._link) is None:
                self._end("its last action could not be undone")
                return False
            self._link.drain()
            return True

    def interrupt(self) -> None:
        """Make a running `execute` or `snapshot` end soon, from another thread. Does nothing if none is running.

        A snapshot that is interrupted ends its session.
        """
        if (running := self._running) is not None:
            running.interrupted = True
        self._stop_saving = True
        self._link.wake()

    def snapshot(self) -> Snapshot:
        """What changed in the namespace since the last snapshot, or since the namespace was restored.

        Raises:
            SnapshotError: the namespace cannot be saved. The session lives on if it can.
            ExecutorError: the session has ended, or an action is running.
        """
        with self._alone():
            self._stop_saving = self._undoable = False
            try:
                return self._save()
            except (EndedError, FrameError) as failure:
                self._end("it failed while its namespace was being saved")
                raise SnapshotError(f"The session ended while its namespace was being saved. {failure}") from failure
            except TimeoutError as failure:
                self._end(f"its namespace was not saved: {failure}")
                raise SnapshotError(f"The namespace could not be saved: {failure}.") from failure
            except SnapshotError:
                raise
            except BaseException:
                self._end("its snapshot was abandoned")
                raise

    def close(self) -> None:
        """End the session and everything it started. May be called twice."""
        self._ended = self._ended or "it was closed"
        self.interrupt()
        self._link.control.kill()  # whatever it is doing: nothing waits for it
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

    def _send_reply(self, data: bytes, seconds: float) -> None:
        with contextlib.suppress(EndedError):  # the thread that runs the action finds out for itself
            self._link.send_whole(data, seconds)

    def _save(self) -> Snapshot:
        self._link.control.rouse()
        try:
            snapshot = self._saved.take(self._link, lambda: self._stop_saving)
        except SnapshotError:
            self._link.control.rest()
            raise
        self._link.control.rest()
        return replace(snapshot, changed=self._seal.sealed(snapshot.changed))


def _close(link: Link, threads: Threads) -> None:
    link.control.kill()
    link.control.end()
    link.close()
    threads.close()
