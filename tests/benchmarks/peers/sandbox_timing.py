"""Figures of one library that runs code in sessions, part by part.

Standard library only: this runs in the environment of each library that is compared. A script beside this file holds
one library: its parts, each of which returns figures by the keys that `tests/benchmarks/sandbox_rows.py` names. Times
in seconds, memory in bytes. What a library does not have is left out.
"""

import argparse
import contextlib
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

Figures = dict[str, float]


class Part(Protocol):
    """Measures; `quick`: in a small way that only shows that it works."""

    def __call__(self, *, quick: bool) -> Figures: ...


def main(library: str | None, parts: Mapping[str, Part]) -> None:
    """Measure the part that the command line asks for, and print its figures.

    Args:
        library: the distribution whose version is told; None: Python itself.
        parts: what can be asked for.
    """
    parser = argparse.ArgumentParser(description=f"What sessions cost in {library}.")
    parser.add_argument("--part", choices=list(parts), required=True)
    parser.add_argument("--quick", action="store_true", help="cut down; shows only that it works")
    asked = parser.parse_args()
    known = version(library) if library else platform.python_version()
    print(json.dumps({"version": known, "figures": parts[asked.part](quick=asked.quick)}))


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_of(times: int, work: Callable[[], object]) -> float:
    """The median of so many times, after one that does not count."""
    work()
    return statistics.median(timed(work) for _ in range(times))


def shared_memory(processes: Iterable[Path]) -> float | None:
    """Bytes that processes, given by their places in /proc, hold together, each shared page in equal parts (PSS).

    None: it cannot be read, or not by this user.
    """
    total = 0
    try:
        for process in processes:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                lines = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()
                total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except PermissionError:
        return None
    return total or None
