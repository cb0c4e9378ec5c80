"""What sessions cost, against their budget, a floor, and other interpreters for agents, all measured in one run.

    python -m tests.benchmarks.sandbox               everything; about three minutes
    python -m tests.benchmarks.sandbox --rounds 1    the same, once
    python -m tests.benchmarks.sandbox --quick       our own code only, cut down: shows that the program works

A round goes through the parts, each part through the libraries, so that what else the machine does disturbs all alike.
Figures are medians over the rounds. They are reported and never asserted.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Isolation, Limits
from tests.benchmarks.environments import InstallationError
from tests.benchmarks.sandbox_rows import GROUPS, Row
from tests.benchmarks.subjects import RunError, Subject, run_script

PLAIN = Subject(label="plain Python", script="sandbox_plain.py")
OURS = Subject(label="lumo_graph", script="sandbox_lumo.py")
SMOLAGENTS = Subject(
    label="smolagents LocalPythonExecutor",
    script="sandbox_smolagents.py",
    requirements=("smolagents>=1.26,<2",),
)
JUPYTER = Subject(
    label="Jupyter kernel", script="sandbox_jupyter.py", requirements=("jupyter_client>=8,<9", "ipykernel>=6,<8")
)
PEERS = (SMOLAGENTS, JUPYTER)
PARTS: Mapping[str, Sequence[Subject]] = {
    "starts": (PLAIN, OURS, SMOLAGENTS, JUPYTER),
    "crowd": (OURS, JUPYTER),
    "actions": (PLAIN, OURS, SMOLAGENTS, JUPYTER),
    "copies": (OURS,),
    "snapshots": (OURS,),
    "workloads": (PLAIN, OURS, SMOLAGENTS, JUPYTER),
}
"""Who has something to measure in which part."""

_NONE = "-"
_ABOUT_FLOORS = (
    "A floor stands in a row of its own; of work it is the same code in plain Python, and of calls at once the 10 ms "
    "that each of them takes. `-`: there is no such thing, or it could not be measured."
)
_ABOUT_USER = "The memory of sessions can be read by root only."
_ABOUT_PEERS = (
    "smolagents runs the code in the host's process, Jupyter in one beside it, both without isolation. Tools of "
    "smolagents are functions of the same process. Its work is a fiftieth, multiplied. Jupyter's memory is that of one "
    "of 3 kernels, with nothing loaded."
)
_UNKNOWN = "No reason is known: measure again when the machine is idle"


class Results:
    """The figures of all subjects, as they come in."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], list[float]] = {}
        self.versions: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        """Subject and part to the reason why there are no figures."""

    def measure(self, subject: Subject, part: str, options: Sequence[str]) -> None:
        """Run one part of one subject; one that has failed is not tried again."""
        place = f"{subject.label}, {part}"
        if place in self.failures:
            return
        try:
            told = run_script(subject, ["--part", part, *options])
        except InstallationError as error:
            self.failures[place] = f"not installed: {error}"
        except RunError as error:
            self.failures[place] = f"failed: {error}"
        else:
            self.take(subject, told["version"], told["figures"])

    def take(self, subject: Subject, version: str, figures: Mapping[str, float]) -> None:
        """Add what one run has measured."""
        self.versions[subject.label] = version
        for key, figure in figures.items():
            self._samples.setdefault((subject.label, key), []).append(figure)

    def figure(self, subject: Subject, key: str) -> float | None:
        """The median over the rounds; None if the subject has no such thing."""
        samples = self._samples.get((subject.label, key))
        return median(samples) if samples else None

    def ours(self, key: str) -> float | None:
        """A figure of our sessions, or of plain Python, which has other keys."""
        figure = self.figure(OURS, key)
        return self.figure(PLAIN, key) if figure is None else figure

    def label(self, subject: Subject) -> str:
        """The subject with its version."""
        return f"{subject.label} {self.versions.get(subject.label, '')}".rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sandbox", description="What sessions cost.")
    parser.add_argument("--quick", action="store_true", help="one round, cut down, our own code only")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure everything (default: 3)")
    asked = parser.parse_args(arguments)
    rounds = 1 if asked.quick else asked.rounds

    started, load = time.monotonic(), os.getloadavg()[0]
    isolation = find_isolation()
    results = measure(rounds, quick=asked.quick)
    print_head(isolation, rounds, load)
    if asked.quick:
        print("Cut down: the sizes are not those of the labels, and the figures only show that the program works.\n")
    print_table(results, () if asked.quick else PEERS)
    print_notes(results, peers=not asked.quick)
    print(f"\nMeasured in {time.monotonic() - started:.0f} s.")
    return int(bool(results.failures))


def measure(rounds: int, *, quick: bool) -> Results:
    """Go through all parts and subjects, so many times."""
    results = Results()
    options = ["--quick"] if quick else []
    for number in range(rounds):
        for part, subjects in PARTS.items():
            for subject in subjects:
                if quick and subject in PEERS:
                    continue
                _tell(f"round {number + 1} of {rounds}: {part}, {subject.label}")
                results.measure(subject, part, options)
    _tell("")
    return results


def find_isolation() -> Isolation:
    """What contains a session on this machine."""
    session = ProcessExecutor(require="none").open(limits=Limits())
    try:
        return session.isolation
    finally:
        session.close()


def print_head(isolation: Isolation, rounds: int, load: float) -> None:
    """Where and how it was measured."""
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    print(
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} cores, "
        f"as {user}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if load > (os.cpu_count() or 1):
        print(
            "**The machine was busy with other work: the times are too long, and no reason for a missed budget holds.**"
        )
    print(f'Isolation tier of lumo_graph: "{isolation.tier}" ({", ".join(isolation.on)}).')
    for layer, reason in isolation.off.items():
        print(f"Off: {layer} ({reason}).")
    print(f"Medians of {rounds} interleaved round(s); in each of them medians of several.\n")


def print_table(results: Results, peers: Sequence[Subject]) -> None:
    """The figures, as a Markdown table."""
    head = ["", "lumo_graph", "budget", "met?", "floor", "x floor", *map(results.label, peers)]
    print_row(head)
    print_row(["---", *["---:"] * (len(head) - 1)])
    for group in GROUPS:
        print_row([f"**{group.title}**", *[""] * (len(head) - 1)])
        for row in group.rows:
            figure = results.ours(row.key)
            budget = "" if row.budget is None else show(row, row.budget)
            others = [show(row, results.figure(peer, row.key)) for peer in peers]
            print_row([row.what, show(row, figure), budget, judge(row, figure), *_floor(row, results), *others])


def print_row(cells: Sequence[str]) -> None:
    """One line of the table."""
    print(f"| {' | '.join(cells)} |")


def print_notes(results: Results, *, peers: bool) -> None:
    """What the table does not say by itself."""
    print()
    for line in find_missed(results):
        print(line)
    notes = [_ABOUT_FLOORS, *([_ABOUT_USER] if os.geteuid() != 0 else []), *([_ABOUT_PEERS] if peers else [])]
    for note in [*notes, *(f"{place}: {reason}" for place, reason in results.failures.items())]:
        print(f"- {note}")


def find_missed(results: Results) -> Iterator[str]:
    """A line for all rows over their budget that have one reason in common."""
    missed: dict[str, list[str]] = {}
    for row in (row for group in GROUPS for row in group.rows):
        figure = results.ours(row.key)
        if row.budget is not None and figure is not None and figure > row.budget:
            over = f"{row.what} ({show(row, figure)} instead of {show(row, row.budget)})"
            missed.setdefault(row.missed or _UNKNOWN, []).append(over)
    for why, rows in missed.items():
        yield f"- Budget missed: {'; '.join(rows)}. {why}."


def judge(row: Row, figure: float | None) -> str:
    """Whether the budget is met, and how much of it is used."""
    if row.budget is None or figure is None:
        return ""
    word = "yes" if figure <= row.budget else "**no**"
    return f"{word}, {100 * figure / row.budget:.0f} %"


def show(row: Row, figure: float | None) -> str:
    """A figure of a row with its unit, three digits of it."""
    if figure is None:
        return _NONE
    if row.unit == "memory":
        return f"{figure / (1 << 20):.1f} MiB"
    for unit, seconds in (("s", 1.0), ("ms", 1e-3)):
        if figure >= seconds:
            return f"{_three_digits(figure / seconds)} {unit}"
    return f"{_three_digits(figure / 1e-6)} us"


def _three_digits(number: float) -> str:
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}"


def _floor(row: Row, results: Results) -> tuple[str, str]:
    floor = results.ours(row.floor) if row.floor is not None else row.ideal
    figure = results.ours(row.key)
    if floor is None:
        return "", ""
    return show(row, floor), "" if figure is None else f"{figure / floor:.1f}"


def _tell(text: str) -> None:
    # How far it is, for whoever waits; not in a file.
    if sys.stderr.isatty():
        print(f"\r{text:<70}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
