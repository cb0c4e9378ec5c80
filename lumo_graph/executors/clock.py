"""The time of one action."""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext

from lumo_graph.types import Serve, ToolReply, ToolRequest, ToolSpec

_LONGEST_WAIT = 3600.0
_SHORTEST_WAIT = 0.05


class ActionClock:
    """What an action has left of its wall-clock limit. It stands still while another agent works for the action.

    Args:
        seconds: the limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._standing = 0
        self._since = 0.0
        self._ends = False

    @property
    def left(self) -> float:
        """Seconds that are left, negative when it is over."""
        with self._lock:
            stands = self._standing > 0 and not self._ends
            return self._until - (self._since if stands else time.monotonic())

    @property
    def pause(self) -> float:
        """Seconds to wait before it is looked at again."""
        return min(max(self.left, _SHORTEST_WAIT if self._standing else 0.0), _LONGEST_WAIT)

    @contextmanager
    def standing(self) -> Generator[None]:
        """Let it stand still for the length of a `with` block; blocks of several threads may overlap."""
        with self._lock:
            if self._standing == 0:
                self._since = time.monotonic()
            self._standing += 1
        try:
            yield
        finally:
            with self._lock:
                self._standing -= 1
                if self._standing == 0 and not self._ends:
                    self._until += time.monotonic() - self._since

    def end_in(self, seconds: float) -> None:
        """Let this much be left, whatever it was, and nothing stop it any more."""
        with self._lock:
            self._until, self._ends = time.monotonic() + seconds, True

    def serving(self, serve: Serve, tools: Mapping[str, ToolSpec]) -> Serve:
        """What serves calls, and lets the clock stand still while another agent does."""

        def served(request: ToolRequest) -> ToolReply:
            spec = tools.get(request.name)
            with self.standing() if spec is not None and spec.is_agent else nullcontext():
                return serve(request)

        return served


class Alarm:
    """Tells in a thread of its own when a clock has run out.

    Args:
        clock: the clock.
        ring: is told, once.
    """

    def __init__(self, clock: ActionClock, ring: Callable[[], object]) -> None:
        self._clock = clock
        self._ring = ring
        self._cancelled = threading.Event()
        threading.Thread(target=self._watch, name="lumo-clock", daemon=True).start()

    def cancel(self) -> None:
        """Let it tell nobody."""
        self._cancelled.set()

    def _watch(self) -> None:
        while self._clock.left > 0:
            if self._cancelled.wait(self._clock.pause):
                return
        if not self._cancelled.is_set():
            self._ring()
