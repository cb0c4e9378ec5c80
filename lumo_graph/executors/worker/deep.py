"""Recursion under control: pickling recurses in C, and a limit raised by the session's code must not end in a crash."""

import inspect
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

_SHALLOW = 1_000
"""Calls below the caller. At up to 0.4 KiB of C stack a call this fits any stack the main thread may have."""
_DEEP = 50_000
_DEEP_STACK_BYTES = 128 * 1024 * 1024
"""2.6 KiB for each of the `_DEEP` calls, six times what was measured. Only pages that are touched cost memory."""


@contextmanager
def recursion_limit(limit: int) -> Generator[None]:
    """Exactly this many nested calls are allowed inside, whatever the session's code has set."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def shallow_recursion() -> Generator[None]:
    """A limit that is safe for the stack of the calling thread."""
    with recursion_limit(_frames_above() + _SHALLOW):
        yield


def call_on_deep_stack(function: Callable[[], Result]) -> Result:
    """Call in a thread whose stack allows deep recursion, and wait for it to end.

    Raises:
        RecursionError: no such thread could be started.
        BaseException: what the function raised, or what interrupted the wait once the function has ended.
    """
    outcome: list[Result] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            failures.append(error)

    thread = threading.Thread(target=work, name="deep-recursion", daemon=True)
    with recursion_limit(_DEEP):
        before = threading.stack_size(_DEEP_STACK_BYTES)
        try:
            thread.start()
        except RuntimeError as error:
            raise RecursionError(f"a thread with a large stack could not be started: {error}") from error
        finally:
            threading.stack_size(before)
        while thread.is_alive():
            try:
                thread.join()
            except BaseException as error:  # noqa: BLE001 - the thread uses our state: let it end, then raise
                failures.append(error)
    if failures:
        raise failures[-1]
    return outcome[0]


def _frames_above() -> int:
    frame, count = inspect.currentframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count
