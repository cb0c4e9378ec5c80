"""What signals do to a run on the screen: the first stops it in good order, the second at once."""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from lumo_graph.cli.complaints import complain
from lumo_graph.cli.exits import INTERRUPTED
from lumo_graph.events import RunResult

if TYPE_CHECKING:
    from lumo_graph.draining import Drain

_GRACE_SECONDS = 2.0
"""What is left to a run that is stopped at once, before its process ends whatever it does."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """Says once how to go on, and ends the process even if a tool or a model that only waits cannot be stopped.

    Args:
        advice: how to go on with the run; empty if nothing is kept.
    """

    def __init__(self, advice: Callable[[], str]) -> None:
        self._advice = advice
        self._told = False
        self._code = INTERRUPTED
        self._again, self._settled = threading.Event(), threading.Event()
        self._drain: Drain | None = None

    @contextmanager
    def watching(self) -> Generator[None, None, None]:
        """Have signals interrupt what runs in a `with` block."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        from lumo_graph.draining import drain_on_signals  # noqa: PLC0415 - langgraph

        with _handled_by(self._stop_at_once), drain_on_signals(*_SIGNALS, on_request=self._announce) as self._drain:
            yield

    def has_drained(self, result: RunResult) -> bool:
        """Whether that is why the run ended here."""
        return self.requested and result.outcome == "interrupted" and not result.pending

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self._drain is not None and self._drain.requested

    def tell(self, what: str = "interrupted.", code: int = INTERRUPTED) -> None:
        """Say it, and give what still works a moment."""
        if not self._told:
            self._told, self._code = True, code
            complain(what, self._advice())
            self._limit()

    def settle(self) -> None:
        """Let whoever called us go on, if nothing is left that could hold the process."""
        held = [one for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
        if not held:
            self._settled.set()

    def _announce(self) -> None:
        from lumo_graph.draining import GRACE_SECONDS  # noqa: PLC0415 - langgraph

        complain(f"stopping: what runs now has {GRACE_SECONDS:g} s to end. Another signal stops it at once.")
        threading.Thread(target=self._end_after, args=(self._again,), name="lumo-again", daemon=True).start()

    def _stop_at_once(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._again.set()
        raise KeyboardInterrupt

    def _limit(self) -> None:
        done = threading.Event()
        done.set()
        threading.Thread(target=self._end_after, args=(done,), name="lumo-end", daemon=True).start()

    def _end_after(self, event: threading.Event) -> None:
        event.wait()
        if not self._settled.wait(_GRACE_SECONDS):
            os._exit(self._code)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Generator[None, None, None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    mine = [number for number, known in before.items() if known is not signal.SIG_IGN and known is not None]
    for number in mine:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
