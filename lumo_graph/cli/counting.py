"""How far a batch is: a bar where somebody looks, a line now and then where not."""

import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lumo_graph.batch import Progress as How

_SECONDS = 30.0
"""Between two lines."""


class Counting:
    """Shows the progress of a batch.

    Args:
        total: tasks.
        out: where; results go elsewhere.
    """

    def __init__(self, total: int, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._told = time.monotonic()
        console = Console(file=out)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._is_shown = console.is_terminal
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, how: How) -> None:
        """Show how far it is; from any thread."""
        failed = how.counts.get("failed", 0)
        parts = [f"{how.running} running", f"{failed} failed" if failed else "", f"{how.lost} lost" if how.lost else ""]
        text = ", ".join(part for part in parts if part)
        with self._lock:
            self._bar.update(self._task, completed=how.done, description=text)
            if not self._is_shown and time.monotonic() - self._told > _SECONDS:
                self._told = time.monotonic()
                self._out.write(f"lumo: {how.done} of {how.total} tasks, {text}\n")
                self._out.flush()
