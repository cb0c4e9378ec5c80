"""What lumo_graph's sessions pay for their variables: the copy before an action, the way back to it, snapshots."""

import time
from statistics import median

from sandbox_lumo_running import execute, execute_deadly, open_session
from sandbox_timing import Figures, median_of, timed

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.jail.plan import FROZEN_COPY
from lumo_graph.executors.session import ProcessSession

_STRINGS = "strings = [f'{{number:050d}}' for number in range({size} * 10_000)]"  # 100 bytes each, and its place
_ARRAY = "import numpy\narray = numpy.random.default_rng().random({size} * (1 << 17))"
_MEGABYTES = (10, 100, 400)
_DEADLY = "import os, time\nprint(time.monotonic(), flush=True)\nos.kill(os.getpid(), 9)"
_BOMB = """
import os
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""
_BOMB_SECONDS = 0.3
_SAVED = {
    "1 KB": ("import random\ndata = [random.random() for _ in range({count})]", 110),
    "1 MB": ("import random\ndata = [f'{{random.getrandbits(128):039d}}' for _ in range({count})]", 25_000),
    "100 MB": ("import numpy\ndata = numpy.random.default_rng().random({count})", 12_500_000),
}
"""What is saved: source text, and how often it takes its piece to make the size."""


def measure_copies(*, quick: bool) -> Figures:
    """An action and the copy before it, by what the session holds; and going back."""
    executor = ProcessExecutor(preload=["numpy"])
    times = 2 if quick else 20
    with open_session(executor) as session:
        if FROZEN_COPY not in session.isolation.on:
            return {}
        figures = {"copy, small": median_of(times, lambda: _execute_with_copy(session))}
        thawed, following = _die(session, times)
        figures |= {"thaw": thawed, "after the thaw": following, "rollback": _roll_back(session, times)}
        figures["fork bomb"] = max(_outlast_bomb(session) for _ in range(times))
    for megabytes in _MEGABYTES:
        for kind, code in (("strings", _STRINGS), ("numpy", _ARRAY)):
            with open_session(executor) as session:
                execute(session, code.format(size=1 if quick else megabytes))
                key = f"copy, {megabytes} MB {kind}"
                figures[key] = median_of(2 if quick else 5, lambda session=session: _execute_with_copy(session))
                if megabytes == 100 and kind == "strings":
                    figures["thaw, 100 MB"], _ = _die(session, 1 if quick else 5)
    return figures


def measure_snapshots(*, quick: bool) -> Figures:
    """Saving what an action has changed, saving nothing, and opening a session with what was saved."""
    executor = ProcessExecutor(preload=["numpy"], freeze_below_mb=0)
    figures: Figures = {}
    for size, (code, count) in _SAVED.items():
        times = 1 if quick or size == "100 MB" else 5
        with open_session(executor) as session:
            saving: list[float] = []
            saved: dict[str, bytes] = {}
            for _ in range(times):
                execute(session, code.format(count=10 if quick else count))
                started = time.perf_counter()
                snapshot = session.snapshot()
                saving.append(time.perf_counter() - started)
                saved |= {name: blob for name, blob in snapshot.changed.items() if blob is not None}
            if snapshot.unsaved or not saved:
                raise RuntimeError(f"The snapshot of {size} is not complete: {dict(snapshot.unsaved)!r}.")
            figures[f"snapshot, {size}"] = median(saving)
            figures[f"snapshot again, {size}"] = median_of(times, session.snapshot)
        figures[f"restore, {size}"] = median([_restore(executor, saved) for _ in range(times)])
    return figures


def _execute_with_copy(session: ProcessSession) -> None:
    if notes := execute(session, "x = 1").notes:
        raise RuntimeError(f"There is no copy of the session: {notes!r}.")


def _die(session: ProcessSession, times: int) -> tuple[float, float]:
    returned: list[float] = []
    following: list[float] = []
    for _ in range(times):
        died = float(execute_deadly(session, _DEADLY).stdout)
        returned.append(time.monotonic() - died)
        following.append(timed(lambda: execute(session, "x")))
    return median(returned), median(following)


def _roll_back(session: ProcessSession, times: int) -> float:
    seconds: list[float] = []
    for _ in range(times):
        execute(session, "x = 2")
        started = time.perf_counter()
        undone = session.rollback()
        seconds.append(time.perf_counter() - started)
        if not undone:
            raise RuntimeError("The last action was not undone.")
    return median(seconds)


def _outlast_bomb(session: ProcessSession) -> float:
    started = time.perf_counter()
    execute_deadly(session, _BOMB, seconds=_BOMB_SECONDS)
    seconds = time.perf_counter() - started - _BOMB_SECONDS
    execute(session, "x")  # a session with nothing but actions that are undone is given up
    return seconds


def _restore(executor: ProcessExecutor, saved: dict[str, bytes]) -> float:
    started = time.perf_counter()
    with open_session(executor, namespace=saved) as session:
        seconds = time.perf_counter() - started
        execute(session, "data[0]")
    return seconds
