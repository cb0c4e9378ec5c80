"""What durability costs: to go on, to record a call, and in bytes.

    python -m tests.benchmarks.durability            everything; a few minutes
    python -m tests.benchmarks.durability --quick    a few small runs

Figures are reported and never asserted: they say what is dear on this machine, today. The budgets are ours.
"""

import argparse
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

from tests.benchmarks.durability_parts import (
    Place,
    call_seconds,
    disk_floor,
    grown_bytes,
    places,
    replay_seconds,
    resume_seconds,
    step_cost,
)
from tests.benchmarks.environments import InstallationError
from tests.benchmarks.subjects import RunError, Subject, run_script
from tests.postgres import running_server

_CODEACT = Subject(
    label="langgraph-codeact",
    script="growth_codeact.py",
    requirements=("langgraph-codeact>=0.1.3,<0.2", "langgraph-checkpoint-sqlite"),
)
_JOURNALED_GOAL = 0.0005
_GROWTH_GOAL = 2.0
_REPLAYED = 20
_WIDTH = 52


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.durability", description="What durability costs.")
    parser.add_argument("--quick", action="store_true", help="small runs, SQLite and memory only")
    quick: bool = parser.parse_args(arguments).quick
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(nullcontext() if quick else running_server())
        stores = places(folder, server)
        print_resumes(stores, quick=quick)
        print_calls(stores, folder, quick=quick)
        print_growth(stores, quick=quick)
        print_steps(stores, quick=quick)


def print_resumes(stores: dict[str, Callable[[], Place]], *, quick: bool) -> None:
    """Times to go on."""
    print("\nFrom the wish to go on to the result of the next action `1`, in ms")
    sizes = ["1 MB"] if quick else ["1 MB", "100 MB"]
    for label, seconds in resume_seconds(2 if quick else 10, sizes=sizes).items():
        print_row(label, f"{seconds * 1000:.1f}")
    for name, empty in stores.items():
        runs = [replay_seconds(empty(), _REPLAYED) for _ in range(1 if quick else 5)]
        first, again = (statistics.median(one) for one in zip(*runs, strict=True))
        label = f"replay of {_REPLAYED} calls, {name}"
        print_row(label, f"{again * 1000:.1f}", f"x{again / first:.2f} of the first run")


def print_calls(stores: dict[str, Callable[[], Place]], folder: Path, *, quick: bool) -> None:
    """What a record costs."""
    calls, rounds = (50, 1) if quick else (500, 3)
    print(
        f"\nOne tool call, of {calls} in a loop, in ms; what its record adds (goal on SQLite: {_ms(_JOURNALED_GOAL)})"
    )
    print_row("200 bytes to a file, and sure of it (fsync)", _ms(disk_floor(folder)))
    for name, empty in stores.items():
        plain = statistics.median(call_seconds(empty(), calls, journaled=False) for _ in range(rounds))
        journaled = statistics.median(call_seconds(empty(), calls, journaled=True) for _ in range(rounds))
        missed = "  missed" if name == "SQLite" and journaled - plain > _JOURNALED_GOAL else ""
        print_row(name, _ms(journaled), f"{_ms(plain)} without, +{_ms(journaled - plain)}{missed}")


def print_growth(stores: dict[str, Callable[[], Place]], *, quick: bool) -> None:
    """Bytes of a run that keeps adding to its variables."""
    actions, size = (5, 10_000) if quick else (50, 100_000)
    live = actions * size
    print(
        f"\nBytes stored of {actions} actions that each add {size} bytes (goal: {_GROWTH_GOAL:g} times the live data)"
    )
    for name, empty in stores.items():
        if name != "memory":
            stored = grown_bytes(empty(), actions, size)
            missed = "  missed" if stored > _GROWTH_GOAL * live and not quick else ""
            print_row(name, f"{stored:,}", f"x{stored / live:.2f}{missed}")
    if quick:
        return
    try:
        told = run_script(_CODEACT, ["--actions", str(actions), "--bytes", str(size)])
        print_row(f"{_CODEACT.label} ({told['version']}), SQLite", f"{told['bytes']:,}", f"x{told['bytes'] / live:.2f}")
    except (InstallationError, RunError) as error:
        print_row(_CODEACT.label, f"not measured: {error}")


def print_steps(stores: dict[str, Callable[[], Place]], *, quick: bool) -> None:
    """Bytes and CPU of a step, in runs of more and more of them: flat, if the history costs nothing."""
    lengths = [5, 10] if quick else [50, 100, 200, 400]
    print("\nBytes stored and host CPU in ms for each step, by the length of the run")
    print_row("", *(f"{length} steps" for length in lengths))
    for name, empty in stores.items():
        costs = [step_cost(empty(), length) for length in lengths]
        if name != "memory":
            print_row(f"{name}, bytes", *(f"{stored:,.0f}" for stored, _ in costs))
        print_row(f"{name}, CPU", *(f"{cpu * 1000:.2f}" for _, cpu in costs))


def print_row(label: str, *cells: str) -> None:
    """One line of a table."""
    print(f"  {label:<{_WIDTH}}" + "".join(f"{cell:>14}  " for cell in cells).rstrip())


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


if __name__ == "__main__":
    main()
