"""What tracing costs: CPU of a run of five steps, under every way to trace it, and beside OpenInference's way.

    python -m tests.benchmarks.tracing            everything; a few minutes
    python -m tests.benchmarks.tracing --quick    a few runs, our own code only

Figures are reported and never asserted: they say what is dear on this machine, today. The budgets are ours.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.environments import InstallationError, python_with
from tests.benchmarks.subjects import RunError, clean_environment
from tests.tracing.sink import collecting

_ROOT = Path(__file__).parents[2]
_SCRIPT = Path(__file__).parent / "peers" / "traced_lumo.py"
_SECONDS = 600
_OURS = (
    "off",
    "sampled out",
    "spans by hand",
    "batch",
    "batch, metrics",
    "batch, content",
    "batch, dead endpoint",
)
_PEER = "openinference"
_BUDGETS = {"off": 0.5, "batch": 3.0}
_FIGURES = ("cpu", "adds", "exports", "wall")
_WIDTH = 24

Figures = Mapping[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tracing", description="What tracing costs.")
    parser.add_argument("--quick", action="store_true", help="one round of few runs, our own code only")
    parser.add_argument("--rounds", type=int, default=3, help="rounds through all the ways (default: 3)")
    asked = parser.parse_args(arguments)
    rounds, runs = (1, 3) if asked.quick else (asked.rounds, 60)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; medians of {rounds} interleaved round(s).")
    print("A run has 5 steps, each a reply of a scripted model and an action that calls a tool: 20 spans.")
    samples: dict[str, list[Figures]] = {mode: [] for mode in (*_OURS, *(() if asked.quick else (_PEER,)))}
    reasons: dict[str, str] = {}
    spans: dict[str, float] = {}
    for _ in range(rounds):
        for mode, found in samples.items():
            try:
                figures, sent = measure(mode, runs)
            except (InstallationError, RunError) as error:
                reasons[mode] = str(error)
                continue
            found.append(figures)
            spans[mode] = sent
    print_rows(samples, spans, reasons)


def print_rows(
    samples: Mapping[str, Sequence[Figures]], spans: Mapping[str, float], reasons: Mapping[str, str]
) -> None:
    """A row for each way to trace."""
    print("\nOf a run, in ms: CPU of the host without tracing; what tracing adds to it, and to that the thread that")
    print("exports; what it adds to the time of the run; and the spans that arrived. Medians of turns in one process.")
    print(f"  {'':{_WIDTH}} {'cpu':>8} {'adds':>8} {'exports':>8} {'time':>8} {'spans':>6}")
    for mode, found in samples.items():
        if not found:
            print(f"  {mode:{_WIDTH}} {reasons[mode]}")
            continue
        cpu, adds, exports, wall = (statistics.median(one[name] for one in found) for name in _FIGURES)
        budget = f"(budget {_BUDGETS[mode]})" if mode in _BUDGETS else ""
        cells = f"{cpu:8.2f} {adds:+8.2f} {exports:+8.2f} {wall:+8.2f} {spans[mode]:6.1f} {budget}"
        print(f"  {mode:{_WIDTH}} {cells}".rstrip())


def measure(mode: str, runs: int) -> tuple[Figures, float]:
    """The figures of one process that traces in this way, and how many spans of each run arrived.

    Raises:
        InstallationError: the environment of the peer could not be made.
        RunError: the process failed.
    """
    environment = {**clean_environment(), "PYTHONPATH": str(_ROOT)}
    python = python_with(_requirements()) if mode == _PEER else Path(sys.executable)
    with collecting() as sink:
        endpoint = f"http://127.0.0.1:{_dead_port()}" if mode == "batch, dead endpoint" else sink.url
        command = [str(python), str(_SCRIPT), "--mode", mode, "--endpoint", endpoint, "--runs", str(runs)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
            )
        except subprocess.TimeoutExpired as error:
            raise RunError(f"no end after {_SECONDS} seconds") from error
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            raise RunError(said[-1])
        told = json.loads(done.stdout.splitlines()[-1])
        return {name: told[name] for name in _FIGURES}, len(sink.spans) / told["runs"]


def _requirements() -> list[str]:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["otlp"],
            "openinference-instrumentation-langchain"]  # fmt: skip


def _dead_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


if __name__ == "__main__":
    main()
