"""The clocks of Python, so that an action which runs again can read the times it has read before.

In an action that runs for the first time they show the true time, and what its main thread has read is kept. When it
runs again, it reads that first; from there its clocks go on, and never back. Wrappers have the names of what they wrap.
"""

import asyncio
import ctypes
import datetime as dt
import gc
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lumo_graph.executors.worker.order import Order
from lumo_graph.executors.worker.ticks import CLOCKS, MOST, Ticks
from lumo_graph.executors.worker.wrapping import disguise, names_of

_WALL, _STEADY, _PROCESS, _THREAD = range(CLOCKS)
_SECOND = 1e9
_MICROSECOND = 1_000
_BY_NAME = {
    "time": _WALL, "monotonic": _STEADY, "perf_counter": _STEADY, "process_time": _PROCESS, "thread_time": _THREAD,
}  # fmt: skip
_BY_ID = {
    "CLOCK_REALTIME": _WALL, "CLOCK_MONOTONIC": _STEADY, "CLOCK_PROCESS_CPUTIME_ID": _PROCESS,
    "CLOCK_THREAD_CPUTIME_ID": _THREAD,
}  # fmt: skip
Nanoseconds = Callable[[], int]


class Clocks:
    """What the clocks show, and have shown.

    Args:
        order: only what its thread reads is kept.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._on = False
        self._ticks = Ticks()
        self._new: list[tuple[int, int]] = []
        self._returned = b""
        self._count = 0
        self._ahead: list[deque[int]] | None = None
        self._shown: dict[int, tuple[int, int]] = {}

    def begin(self, recorded: bytes) -> None:
        """Keep times from now on, and show these first."""
        self._ticks, self._new, self._returned, self._count = Ticks(), [], b"", 0
        self._ahead, self._shown = None, {}
        if recorded:
            self._ahead, self._count = self._ticks.read(recorded)
        self._on = True

    def end(self) -> None:
        """Show the true time."""
        self._on = False

    @property
    def full(self) -> bool:
        """Whether times were shown that are not kept: they will be others when the action runs again."""
        return self._count >= MOST

    def take(self) -> bytes:
        """What was kept since this was last called: it belongs behind the recorded ones and what was taken before."""
        if not self._new and not self._returned:
            return b""
        new, self._new = self._new, []
        before, self._returned = self._returned, b""
        return before + self._ticks.write(new)

    def give_back(self, taken: bytes) -> None:
        """What was taken last has not reached anybody: it is to come first when more is taken."""
        self._returned = taken + self._returned

    def read(self, clock: int, real: Nanoseconds) -> int:
        """What a clock shows, in nanoseconds."""
        now = real()
        if not self._on:
            return now
        if clock == _WALL:
            now -= now % _MICROSECOND
        if self._ahead is not None:
            return self._read_again(self._ahead[clock], clock, now)
        if self._count < MOST and self._order.in_thread():
            self._keep(clock, now)
        return now

    def _keep(self, clock: int, now: int) -> None:
        self._new.append((clock, now))
        self._count += 1

    def _read_again(self, ahead: deque[int], clock: int, now: int) -> int:
        in_order = self._order.in_thread()
        if in_order and ahead:
            shown = ahead.popleft()
            self._shown[clock] = shown, now
            return shown
        time = self._go_on(ahead, clock, now)
        if in_order and self._count < MOST:
            self._keep(clock, time)
        return time

    def _go_on(self, ahead: deque[int], clock: int, now: int) -> int:
        """The time after what was shown last: as much later as it really is, and no later than what comes next."""
        if clock in self._shown:
            shown, then = self._shown[clock]
            time = shown + max(now - then, 0)
            if ahead:
                return min(time, ahead[0])
            return max(time, now) if clock == _WALL else time
        return ahead[0] if ahead else now

    # -- what Python has of clocks ---------------------------------------------------------------------------------

    def install(self) -> None:
        """Put these clocks in the place of Python's."""
        _keep_timers()
        for name, clock in _BY_NAME.items():
            self._install_pair(name, clock)
        self._install_by_id()
        self._install_calendar()
        self._install_now()

    def _install_pair(self, name: str, clock: int) -> None:
        if not hasattr(time, f"{name}_ns"):
            return
        read, real = self.read, _real(time, f"{name}_ns")
        _replace(time, name, lambda: read(clock, real) / _SECOND)
        _replace(time, f"{name}_ns", lambda: read(clock, real))

    def _install_by_id(self) -> None:
        if not hasattr(time, "clock_gettime_ns"):
            return
        read, real = self.read, _real(time, "clock_gettime_ns")
        known = {getattr(time, name): clock for name, clock in _BY_ID.items() if hasattr(time, name)}

        def read_by_id(clk_id: int, /) -> int:
            clock = known.get(clk_id)
            return real(clk_id) if clock is None else read(clock, lambda: real(clk_id))

        def in_seconds(clk_id: int, /) -> float:
            return read_by_id(clk_id) / _SECOND

        _replace(time, "clock_gettime_ns", read_by_id)
        _replace(time, "clock_gettime", in_seconds)

    def _install_calendar(self) -> None:
        # These read the clock if they are not given a time.
        seconds = self._wall_seconds
        local = _real(time, "localtime")
        for name in ("localtime", "gmtime", "ctime"):
            _replace(time, name, _with_time(_real(time, name), seconds))
        for name, leading in (("asctime", 0), ("strftime", 1)):
            _replace(time, name, _with_local_time(_real(time, name), leading, lambda: local(seconds())))

    def _install_now(self) -> None:
        # Of a class in C, which lets nobody set its attributes. `today` reads `time.time`.
        seconds, kind = self._wall_seconds, dt.datetime
        of_timestamp, of_subclass = kind.fromtimestamp, vars(kind)["fromtimestamp"].__get__

        def now(cls: type[dt.datetime], tz: dt.tzinfo | None = None) -> dt.datetime:
            return of_timestamp(seconds(), tz) if cls is kind else of_subclass(None, cls)(seconds(), tz)

        def utcnow(cls: type[dt.datetime]) -> dt.datetime:
            if sys.version_info >= (3, 12):
                warnings.warn(_UTCNOW, DeprecationWarning, stacklevel=2)
            return of_subclass(None, cls)(seconds(), dt.UTC).replace(tzinfo=None)

        members: dict[str, Any] = gc.get_referents(vars(kind))[0]
        for name, made in (("now", now), ("utcnow", utcnow)):
            members[name] = classmethod(disguise(made, getattr(kind, name), module=None))
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))

    def _wall_seconds(self) -> float:
        return self.read(_WALL, _wall) / _SECOND


def _keep_timers() -> None:
    # Event loops wait for the true time, and would read ours thousands of times.
    steady = time.monotonic

    def loop_time(_loop: object) -> float:
        return steady()

    asyncio.BaseEventLoop.time = disguise(loop_time, asyncio.BaseEventLoop.time)


_wall = time.time_ns
_UTCNOW = "datetime.datetime.utcnow() is deprecated: write datetime.datetime.now(datetime.UTC)."


def _real(module: ModuleType, name: str) -> Callable[..., Any]:
    return names_of(module)[name]


def _replace(module: ModuleType, name: str, wrapper: Callable[..., Any]) -> None:
    setattr(module, name, disguise(wrapper, getattr(module, name)))


def _with_time(real: Callable[..., Any], seconds: Callable[[], float]) -> Callable[..., Any]:
    def convert(secs: float | None = None, /) -> Any:
        return real(seconds() if secs is None else secs)

    return convert


def _with_local_time(real: Callable[..., Any], leading: int, now: Callable[[], Any]) -> Callable[..., Any]:
    def convert(*args: Any) -> Any:
        return real(*args, now()) if len(args) == leading else real(*args)

    return convert
