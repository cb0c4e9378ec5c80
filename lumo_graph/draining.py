"""Stop runs in good order, so that `resume` goes on with them: at the next step, or before the one that takes too long.

A process that is told to end has seconds. Whatever a run is doing may take minutes: so it first gets the chance to come
to the end of its node, and what is not done by then is undone. Both leave a checkpoint that the run goes on from.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import FrameType
from typing import Any

from langgraph.runtime import RunControl

from lumo_graph.errors import ConfigurationError

GRACE_SECONDS = 5.0
_AGAIN_SECONDS = 0.2
"""Between two attempts to stop a run: it may not have begun yet what there is to stop."""


@dataclass(eq=False, slots=True, kw_only=True)
class _Run:
    """A run of this process that can be gone on with."""

    stop: Callable[[], object]
    control: RunControl = field(default_factory=RunControl)
    ended: threading.Event = field(default_factory=threading.Event)


_runs: set[_Run] = set()
_drains: list["Drain"] = []
_lock = threading.Lock()


class Drain:
    """Whether the runs of this process are to stop. Made by `drain_on_signals`."""

    def __init__(self, grace_seconds: float, on_request: Callable[[], object] | None) -> None:
        self._grace_seconds = grace_seconds
        self._on_request = on_request
        self._requested = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether it was asked for. A worker takes no new task then."""
        return self._requested.is_set()

    def request(self) -> None:
        """Ask for it, as a signal does. Returns at once; a second time it does nothing."""
        with _lock:
            if self._requested.is_set():
                return
            self._requested.set()
        request_drain(grace_seconds=self._grace_seconds)
        if self._on_request is not None:
            self._on_request()


def request_drain(*, grace_seconds: float = GRACE_SECONDS) -> None:
    """Stop every stored run of this process in good order; from any thread. Returns at once.

    A run ends at the end of the node it is in, with the outcome `interrupted`, and `resume` goes on from there. What is
    not at its end after `grace_seconds` is undone and runs again in `resume`: a code action is rolled back, and the
    tool calls it has made are not made again; on an event loop, a wait for a model or a tool is cancelled. A run
    without an event loop that waits for its model ends when the model has replied.

    Args:
        grace_seconds: what the nodes that run have to come to their end.

    Raises:
        ConfigurationError: it is no number of seconds.
    """
    grace = _checked(grace_seconds)
    with _lock:
        runs = list(_runs)
    for run in runs:
        run.control.request_drain()
    threading.Thread(target=_wind_down, args=(runs, grace), name="lumo-graph-drain", daemon=True).start()


def is_draining() -> bool:
    """Whether a signal has asked for it: runs that begin now end at once."""
    with _lock:
        return any(drain.requested for drain in _drains)


@contextmanager
def drain_on_signals(
    *signals: signal.Signals,
    grace_seconds: float = GRACE_SECONDS,
    on_request: Callable[[], object] | None = None,
) -> Generator[Drain, None, None]:
    """For the length of a `with` block, a signal drains the runs of this process, as `request_drain` does.

    Runs that begin after the signal end at once, stored with their task. A second signal does what it did before the
    block: it ends the process, or raises KeyboardInterrupt. A signal that was ignored stays ignored.

    Args:
        signals: SIGTERM and SIGINT unless given.
        grace_seconds: as for `request_drain`.
        on_request: is told of the first signal, in another thread.

    Raises:
        ConfigurationError: it is not the main thread that asks: no other gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ConfigurationError("drain_on_signals works in the main thread only. Elsewhere use request_drain().")
    drain = Drain(_checked(grace_seconds), on_request)
    came: SimpleQueue[bool] = SimpleQueue()  # a handler may interrupt anything: only this queue is safe there
    watch = threading.Thread(target=_watch, args=(came, drain), name="lumo-graph-signals", daemon=True)
    watch.start()
    with _lock:
        _drains.append(drain)
    try:
        with _handling(signals or (signal.SIGTERM, signal.SIGINT), lambda: came.put(True)):
            yield drain
    finally:
        came.put(False)
        watch.join()
        with _lock:
            _drains.remove(drain)


@contextmanager
def drainable(stop: Callable[[], object]) -> Generator[RunControl, None, None]:
    """Have a run drained with the others while a `with` block lasts.

    Args:
        stop: undoes what it does now. Called from another thread, again and again until the block ends.
    """
    run = _Run(stop=stop)
    with _lock:
        _runs.add(run)
        if any(drain.requested for drain in _drains):
            run.control.request_drain()
    try:
        yield run.control
    finally:
        run.ended.set()
        with _lock:
            _runs.discard(run)


def _wind_down(runs: Iterable[_Run], grace: float) -> None:
    until = time.monotonic() + grace
    left = [run for run in runs if not run.ended.wait(max(until - time.monotonic(), 0.0))]
    while left:
        for run in left:
            run.stop()
        left[0].ended.wait(_AGAIN_SECONDS)
        left = [run for run in left if not run.ended.is_set()]


def _watch(came: "SimpleQueue[bool]", drain: Drain) -> None:
    while came.get():
        drain.request()


@contextmanager
def _handling(signals: Iterable[signal.Signals], tell: Callable[[], object]) -> Generator[None, None, None]:
    before = {number: handler for number in signals if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    told = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            tell()
            return
        restore()
        signal.raise_signal(number)

    def restore() -> None:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                _set(number, handler)

    for number in before:
        _set(number, handle)
    try:
        yield
    finally:
        restore()


def _set(number: int, handler: Any) -> None:
    # One that was not made in Python cannot be had again.
    with suppress(ValueError):
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _checked(seconds: object) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < threading.TIMEOUT_MAX:
        raise ConfigurationError(f"grace_seconds must be a number of seconds, 0 or more, not {seconds!r}.")
    return float(seconds)
