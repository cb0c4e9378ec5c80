"""One Monty interpreter: feeds it code, and ends it from any thread."""

import contextlib
import os
import signal
import threading
from typing import Any

_FILE = "<python-input-{}>"


class Worker:
    """A process with a Monty interpreter in it.

    Args:
        monty: the package.
        checkout: an interpreter that was asked for and is not started yet.
    """

    def __init__(self, monty: Any, checkout: Any) -> None:
        self.monty = monty
        self._session = checkout.__enter__()
        self._lock = threading.Lock()
        self._feeds = 0
        self._pid: int = self._session.worker_pid
        # A process id may be given to another process; this descriptor stays with ours.
        self._descriptor: int | None = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None

    @property
    def file(self) -> str:
        """What tracebacks call the code that was fed last."""
        return _FILE.format(self._feeds - 1)

    def start(self, code: str, **options: Any) -> Any:
        """Feed code; gives the first thing that it asks for, or its end."""
        self._feeds += 1
        return self._session.feed_start(code, **options)

    def evaluate(self, code: str) -> Any:
        """Feed code that asks for nothing; gives the value of its last expression."""
        self._feeds += 1
        return self._session.feed_run(code, skip_type_check=True)

    def prepare(self) -> None:
        """Make a new interpreter ready for its first action."""
        self.evaluate("ToolError = RuntimeError")  # Monty has no classes of exceptions but its own

    def dump(self) -> bytes:
        """All of its variables as bytes."""
        return self._session.dump()

    def load(self, dump: bytes) -> None:
        """Take over the variables of another one; this one must be new."""
        self._session.load_session(dump)
        try:  # it goes on counting what it is fed where the other one stopped
            self._session.feed_run("raise ValueError", skip_type_check=True)
        except self.monty.MontyRuntimeError as failure:
            self._feeds = int(failure.traceback()[-1].filename.rpartition("-")[2].rstrip(">")) + 1

    def kill(self) -> None:
        """End the process now. What waits for it fails."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            elif self._pid:
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and let go of it. May be called twice."""
        self.kill()
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor, self._pid = None, 0
        self._session.__exit__(None, None, None)
