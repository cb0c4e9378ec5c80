"""The host's half of a Monty session."""

import contextlib
import contextvars
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors.calls import Threads
from lumo_graph.executors.clock import ActionClock, Alarm
from lumo_graph.executors.endings import describe_death, describe_stop
from lumo_graph.executors.monty.action import GIVEN, RunningAction, StoppedError
from lumo_graph.executors.monty.checker import TypeChecker
from lumo_graph.executors.monty.dump import COMPONENT, pack_dump, unpack_dump
from lumo_graph.executors.monty.failure import describe_failure
from lumo_graph.executors.monty.values import describe
from lumo_graph.executors.monty.variables import Described, ask_variables, guess_variables
from lumo_graph.executors.monty.worker import Worker
from lumo_graph.executors.output import Capture
from lumo_graph.executors.worker.values import describe_result
from lumo_graph.types import CodeError, Execution, Isolation, Serve, Snapshot, Sources, Stream, ToolSpec, Value, Write

_ASKING_SECONDS = 5.0

_NO_LAYER = "Monty starts its own process and confines code by what its interpreter can do"
ISOLATION = Isolation(
    tier="best_effort",
    on=("interpreter without files, network and processes", "process", "memory limit"),
    off=dict.fromkeys(("namespaces", "landlock", "seccomp", "privileges"), _NO_LAYER),
    open=(
        "the interpreter: a flaw in it would give code the rights of the host's user",
        "environment: the interpreter's process has the host's, though no code can ask for it",
        "cpu: only the time of an action is limited",
    ),
)


class MontySession:
    """A Monty interpreter in a process of its own. Made by `MontyExecutor.open`."""

    def __init__(
        self, worker: Worker, tools: Sequence[ToolSpec], *, checker: TypeChecker | None, memory_mb: int
    ) -> None:
        self._worker = worker
        self._tools = {tool.name: tool for tool in tools}
        self._reserved = {*self._tools, *GIVEN, "ToolError"}
        self._checker = checker
        self._memory_mb = memory_mb
        self._threads = Threads()
        self._busy = threading.Lock()
        self._running: RunningAction | None = None
        self._variables: dict[str, Described] = {}
        self._changed = False
        self._ended: str | None = None
        self._close = weakref.finalize(self, _close, worker, self._threads)

    @property
    def isolation(self) -> Isolation:
        """What contains this session."""
        return ISOLATION

    @property
    def alive(self) -> bool:
        """Whether it can run another action. One that was stopped cannot: it is restored from its last snapshot."""
        return self._ended is None

    def execute(
        self, code: str, *, seconds: float, serve: Serve, write: Write | None = None, sources: Sources | None = None
    ) -> Execution:
        """Run one code action to its end, or to its time limit.

        Args:
            code: Python source, as much of Python as Monty knows; top-level `await` is allowed.
            seconds: wall-clock limit, tool calls included, but not the time in which other agents answer.
            serve: answers the tool calls of the action, from daemon threads with the caller's context variables.
            write: receives output as it is printed, up to the bound that `Execution` has for its head.
            sources: not used: `MontyExecutor` is not deterministic.

        Returns:
            What the action did. If `rolled_back`, the session has ended.

        Raises:
            ExecutorError: the session has ended before, or another action is running.
        """
        del sources
        with self._alone():
            started = time.monotonic()
            if (refused := self._check(code)) is not None:
                return Execution(error=refused, variables=self._lines(), seconds=time.monotonic() - started)
            clock = ActionClock(seconds)
            running = RunningAction(
                self._worker,
                tools=self._tools,
                serve=clock.serving(serve, self._tools),
                context=contextvars.copy_context(),
                threads=self._threads,
            )
            self._running = running
            alarm = Alarm(clock, lambda: running.stop("TimeoutError"))
            try:
                execution = self._run(running, code, seconds, write)
                execution = replace(execution, calls=running.close(), seconds=time.monotonic() - started)
            except BaseException:
                self._end("its action was abandoned")
                raise
            finally:
                alarm.cancel()
                self._running = None
                running.close()
            if execution.rolled_back and execution.error is not None:
                self._end(f"{execution.error.kind}: {execution.error.message}")
            return execution

    def interrupt(self) -> None:
        """Make a running `execute` end soon, from another thread. Does nothing if none is running."""
        if (running := self._running) is not None:
            running.stop("KeyboardInterrupt")

    def snapshot(self) -> Snapshot:
        """The whole namespace if an action has run since the last snapshot, else nothing.

        Raises:
            SnapshotError: the interpreter died.
            ExecutorError: the session has ended, or an action is running.
        """
        with self._alone():
            if not self._changed:
                return Snapshot(changed={})
            try:
                dump = self._worker.dump()
            except (self._worker.monty.MontyError, RuntimeError) as failure:
                self._end("it failed while its namespace was being saved")
                raise SnapshotError(f"The session ended while its namespace was being saved. {failure}") from failure
            self._changed = False
            return Snapshot(changed={COMPONENT: pack_dump(dump, self._worker.monty.__version__)})

    def begin(self, namespace: Mapping[str, bytes] | None) -> None:
        """Make a new session ready for its first action, with what another session has saved if that is given.

        Raises:
            SnapshotError: it cannot be loaded here.
            ExecutorError: the interpreter does not work.
        """
        monty = self._worker.monty
        try:
            if not namespace:
                self._worker.prepare()
                return
            self._worker.load(unpack_dump(namespace, monty.__version__))
            with self._limited():
                self._variables = ask_variables(self._worker, reserved=self._reserved)
        except (monty.MontyError, RuntimeError, ValueError) as failure:
            kind = SnapshotError if namespace else ExecutorError
            raise kind(f"Monty cannot begin with these variables: {failure}") from failure

    def close(self) -> None:
        """End the session and everything it started. May be called twice."""
        self._ended = self._ended or "it was closed"
        self.interrupt()
        with self._busy:
            self._close()

    # -- one action ----------------------------------------------------------------------------------------------------

    def _check(self, code: str) -> CodeError | None:
        try:
            code.encode()
        except UnicodeEncodeError as failure:
            return CodeError(kind="SyntaxError", message=f"The action is not text: {failure}.")
        return self._checker.check(code, list(self._variables)) if self._checker else None

    def _run(self, running: RunningAction, code: str, seconds: float, write: Write | None) -> Execution:
        outputs = {"stdout": Capture(), "stderr": Capture()}

        def take(stream: str, text: str) -> None:
            name: Stream = "stderr" if stream == "stderr" else "stdout"
            if (shown := outputs[name].add(text.encode("utf-8", "replace"))) and write is not None:
                write(name, shown)

        value, error, lost = self._outcome(running, code, seconds, take)
        return Execution(
            stdout=outputs["stdout"].text(),
            stderr=outputs["stderr"].text(),
            value=None if error else value,
            answer=None if lost else running.answer,
            error=error,
            variables={} if lost else self._lines(),
            rolled_back=lost,
        )

    def _outcome(
        self, running: RunningAction, code: str, seconds: float, take: Callable[[str, str], None]
    ) -> tuple[Value | None, CodeError | None, bool]:
        """The value, the error, and whether the session is lost."""
        monty = self._worker.monty
        self._changed = True
        result: Any = None
        failed: Any = None
        ended: Exception | None = None
        try:
            result = running.run(code, take)
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as failure:
            failed = failure
        except (monty.MontyError, StoppedError, RuntimeError) as failure:
            ended = failure
        running.close()
        if running.failure is not None:
            raise running.failure
        if running.stopped is not None or ended is not None:
            return None, self._describe_end(ended, running, seconds), True
        file = self._worker.file
        if (error := self._look(code)) is not None:
            return None, error, True
        if failed is None:
            return (None if result is None else describe(result, describe_result)), _unawaited(running, code), False
        error = describe_failure(failed, file, variables=self._variables, names=self._reserved)
        answered = error.kind == "SystemExit" and running.answer is not None
        return None, None if answered else error, False

    def _describe_end(self, failure: Exception | None, running: RunningAction, seconds: float) -> CodeError:
        if running.stopped is not None:
            return describe_stop(running.stopped, seconds, None)
        error = describe_death(None, self._memory_mb)
        return replace(error, message=f"{error.message} Monty says: {failure}"[:2000])

    def _look(self, code: str) -> CodeError | None:
        """Find out what variables there are. Says why the session is lost, if it cannot go on."""
        monty = self._worker.monty
        try:
            with self._limited():
                self._variables = ask_variables(self._worker, reserved=self._reserved)
        except monty.MontyRuntimeError as failure:
            if failure.display("type-msg").startswith("MemoryError"):
                text = f"The variables need more than the {self._memory_mb} MiB of memory that the session has."
                return CodeError(kind="MemoryError", message=text)
            self._variables = guess_variables(code, self._variables)  # the code has taken a builtin's name
        except (monty.MontyError, RuntimeError) as failure:
            return CodeError(kind="SessionDied", message=f"The interpreter ended after the action: {failure}")
        return None

    def _lines(self) -> dict[str, str]:
        return {name: described.line for name, described in self._variables.items()}

    @contextlib.contextmanager
    def _limited(self) -> Generator[None]:
        """End the interpreter if what is asked of it takes too long: a `__repr__` may never end."""
        clock = threading.Timer(_ASKING_SECONDS, self._worker.kill)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

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


def _unawaited(running: RunningAction, code: str) -> CodeError | None:
    left = running.unawaited
    if left is None or running.answer is not None:
        return None
    name, lines = left.name, code.splitlines()
    message = f"{name}(...) is async: its call was never awaited, so it was not made. Write `await {name}(...)`."
    source = lines[left.line - 1].strip() if left.line and left.line <= len(lines) else ""
    return CodeError(kind="RuntimeError", message=message, line=left.line, source=source)


def _close(worker: Worker, threads: Threads) -> None:
    worker.close()
    threads.close()
