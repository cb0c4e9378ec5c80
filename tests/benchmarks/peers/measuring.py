"""Measure one agent library: what a run of so many steps costs.

Standard library only: this runs in the environment of each library that is compared. Every script beside this file
holds one library; it makes the same run, and this module times it and prints the figures as JSON.

A step is one model reply and its action. The model is scripted and costs next to nothing: it replies `ACTION` again and
again, and closes the run with its last reply.
"""

import argparse
import gc
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

TASK = "Set x to one, as often as you are asked to."
CODE = "x = 1"
THOUGHT = "I set the variable."
OBSERVATION = (
    "The code ran and printed nothing. These are the variables now, with their types and values: x, an int (1)."
)
"""What the libraries without words of their own tell the model after an action: as long as what lumo_graph tells it."""

_WARM_UP_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run did, beside its cost."""

    chars: int
    """Length of the conversation, the system prompt not included."""
    session_seconds: float | None = None
    """CPU of the processes the library ran the code in; None where it runs the code in its own."""


Solve = Callable[[int, Path | None], Run]
"""Makes one run of so many steps, with its checkpoints in the file if there is one."""


def main(library: str, solve: Solve) -> None:
    """Measure as the command line asks, and print the figures."""
    parser = argparse.ArgumentParser(description=f"What a step costs in {library}.")
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 100, 400])
    parser.add_argument("--store", action="store_true", help="keep the checkpoints in a SQLite file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "warm-up.db"
        solve(_WARM_UP_STEPS, store if asked.store else None)
        costs = [_cost(solve, steps, store.with_name(f"{steps}.db") if asked.store else None) for steps in asked.steps]
    print(json.dumps({"version": version(library), "costs": costs}))


def session_seconds() -> float:
    """CPU of every process that descends from this one, so far."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + sum(_seconds(process) for process in descendants())


def descendants() -> Iterator[Path]:
    """The processes below this one. A process that ends while they are listed is left out."""
    children: dict[str, list[Path]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        children.setdefault(parent, []).append(process)
    waiting = [Path("/proc/self").resolve().name]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting += [process.name for process in found]


def _cost(solve: Solve, steps: int, store: Path | None) -> dict[str, float | None]:
    """The figures of one run, each per step. Times in milliseconds."""
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    run = solve(steps, store)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - started
    stored = sum(file.stat().st_size for file in store.parent.glob(f"{store.name}*")) if store else None
    return {
        "steps": steps,
        "cpu": 1000 * cpu / steps,
        "session": None if run.session_seconds is None else 1000 * run.session_seconds / steps,
        "wall": 1000 * wall / steps,
        "bytes": None if stored is None else stored / steps,
        "chars": run.chars / steps,
    }


def _seconds(process: Path) -> float:
    """CPU of a live process. The scheduler counts nanoseconds, one file a thread."""
    try:
        return sum(int(file.read_text().split()[0]) for file in process.glob("task/*/schedstat")) / 1e9
    except OSError:
        return 0.0
