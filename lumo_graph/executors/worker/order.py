"""What of an action comes at the same point whenever it runs: its main flow, and not what goes on beside that."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

# Kept here: what code does to the modules afterwards does not reach them.
_this_thread = threading.get_ident
_current_task = asyncio.current_task
_running_loop = asyncio._get_running_loop  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the public one raises where there is none, which takes ten times as long


class Order:
    """Knows the main flow of the action that is running. Threads, tasks, imports and child processes are beside it."""

    def __init__(self) -> None:
        self.thread = 0
        """The thread of the action; 0 where none runs in order."""
        self.task: asyncio.Task[Any] | None = None
        """The task that runs the action, if it awaits something."""

    def begin(self) -> None:
        """An action begins in this thread."""
        self.thread, self.task = _this_thread(), None

    def end(self) -> None:
        """The action is over, or this is a child of its process."""
        self.thread, self.task = 0, None

    @contextmanager
    def action(self) -> Generator[None]:
        """For as long as an action runs in this thread."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def in_thread(self) -> bool:
        """Whether this is the action's own thread, whatever task of it."""
        return _this_thread() == self.thread

    def in_flow(self) -> bool:
        """Whether this is the action itself, and no thread or task that it has started."""
        if _this_thread() != self.thread:
            return False
        loop = _running_loop()
        # In a loop of the code's own, such as that of `asyncio.run`, which of the tasks is the action is not known.
        return loop is None or (self.task is not None and _current_task(loop) is self.task)

    @contextmanager
    def aside(self) -> Generator[None]:
        """For something that happens in one run of an action and not in another, such as the import of a module."""
        thread = self.thread
        if _this_thread() != thread:
            yield
            return
        self.thread = 0
        try:
            yield
        finally:
            if self.thread == 0:
                self.thread = thread
