"""What a step costs beside the model and the task: CPU and checkpoint bytes, for us and for others, in one run.

    python -m tests.benchmarks.overhead            everything; a few minutes
    python -m tests.benchmarks.overhead --quick    our own code only, a few steps

Figures are reported and never asserted: they say how the libraries stand to each other on this machine, today.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence

from tests.benchmarks.subjects import OURS, PEERS, Measured, clean_environment, measure

_STARTS = {
    "python -c ''": ["-c", ""],
    "import lumo_graph": ["-c", "import lumo_graph"],
    "lumo --help": ["-m", "lumo_graph.cli", "--help"],
    "from lumo_graph import run": ["-c", "from lumo_graph import run"],
}
_LABEL_WIDTH = 48


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.overhead", description="What a step costs.")
    parser.add_argument("--quick", action="store_true", help="3 and 6 steps, one run each, our own code only")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each length (default: 3)")
    asked = parser.parse_args(arguments)
    sizes, rounds = ([3, 6], 1) if asked.quick else ([20, 100, 400], asked.rounds)
    subjects = OURS if asked.quick else (*OURS, *PEERS)

    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; medians of {rounds} interleaved run(s) each.")
    print("A step is one reply of a scripted model and its action `x = 1`. CPU is that of the host process.")
    unstored = measure(subjects, sizes, rounds=rounds, store=False)
    print_cpu("No checkpointer", unstored, sizes)
    stored = measure([subject for subject in subjects if subject.stores], sizes, rounds=rounds, store=True)
    print_cpu("SQLite checkpoints in a file", stored, sizes)
    print_sessions([*unstored, *stored], sizes)
    print_bytes(stored, sizes)
    print_starts(rounds)
    if not asked.quick:
        print("\nsmolagents and langgraph-codeact run the code in the host process; lumo_graph in a jail beside it.")


def print_cpu(title: str, rows: Sequence[Measured], sizes: Sequence[int]) -> None:
    """CPU per step at each length, and how often it is the first row's."""
    print(f"\n{title}: host CPU per step in ms, and the multiple of the first row")
    print_row("", [*_steps(sizes), "wall ms", "characters"])
    floor = rows[0].figures
    for row in rows:
        if not row.figures:
            print_row(row.label, [row.reason])
            continue
        cells = [f"{row.figures[size]['cpu']:.2f} {_multiple(row, rows[0], size):>6}" for size in sizes]
        longest = row.figures[sizes[-1]]
        print_row(row.label, [*cells, f"{longest['wall']:.2f}", f"{longest['chars']:.0f}"])
    if floor:
        print(f"  Wall time and characters of the conversation per step: of the run of {sizes[-1]} steps.")


def print_sessions(rows: Sequence[Measured], sizes: Sequence[int]) -> None:
    """CPU of the processes the code ran in, their start included."""
    print("\nCPU of the session's processes per step in ms; opening the session is in it, once a run")
    print_row("", _steps(sizes))
    for row in rows:
        if row.figures and row.figures[sizes[0]]["session"] is not None:
            where = "SQLite" if row.figures[sizes[0]]["bytes"] else "none"
            print_row(f"{row.label}, {where}", [f"{row.figures[size]['session']:.2f}" for size in sizes])


def print_bytes(rows: Sequence[Measured], sizes: Sequence[int]) -> None:
    """Size of the checkpoint file per step, and of each step by which the longest run is longer than the one before."""
    print("\nSQLite file per step in KiB; `further`: each step by which the longest run exceeds the one before")
    print_row("", [*_steps(sizes), "further"])
    for row in rows:
        if not row.figures:
            print_row(row.label, [row.reason])
            continue
        totals = [(row.figures[size]["bytes"] or 0) * size / 1024 for size in sizes]
        further = (totals[-1] - totals[-2]) / (sizes[-1] - sizes[-2])
        print_row(row.label, [f"{kib:.1f}" for kib in (*map(float.__truediv__, totals, map(float, sizes)), further)])


def print_starts(rounds: int) -> None:
    """CPU from the start of an interpreter to its end."""
    print("\nCPU of a start in seconds, the interpreter's own included")
    for label, arguments in _STARTS.items():
        print_row(label, [_start(arguments, rounds)])


def print_row(label: str, cells: Sequence[str]) -> None:
    """One line: the label, and the cells in columns."""
    print(f"  {label:<{_LABEL_WIDTH}}" + "".join(f"{cell:>15}" for cell in cells))


def _steps(sizes: Sequence[int]) -> list[str]:
    return [f"{size} steps" for size in sizes]


def _multiple(row: Measured, floor: Measured, size: int) -> str:
    cpu, least = row.figures[size]["cpu"], floor.figures.get(size, {}).get("cpu")
    return f"{cpu / least:.1f}x" if cpu and least else "?"


def _start(arguments: Sequence[str], rounds: int) -> str:
    samples: list[float] = []
    for _ in range(rounds + 1):  # the first one may write bytecode
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            return f"ended with {process.returncode}"
        samples.append(used.ru_utime + used.ru_stime)
    return f"{statistics.median(samples[1:]):.3f}"


if __name__ == "__main__":
    main()
