"""The libraries whose steps are measured, each a script in `peers` and the environment it runs in."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.environments import InstallationError, python_with

_ROOT = Path(__file__).parents[2]
_SCRIPTS = Path(__file__).parent / "peers"
_SECONDS = 900

Figures = Mapping[str, float | None]
"""What a step costs: `cpu`, `session` and `wall` in milliseconds, `bytes` of the checkpoint file, `chars` of text."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One library, in one way to use it."""

    label: str
    script: str
    options: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    """Packages of an environment of its own; none: it runs in ours."""
    stores: bool = True
    """It can keep checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A subject's figures by number of steps, or the reason why there are none."""

    label: str
    figures: Mapping[int, Figures]
    reason: str = ""


# First comes what the others are compared with: the cheapest LangGraph loop there is.
OURS = (
    Subject(label="LangGraph loop, delta channel", script="langgraph_loop.py", options=("--delta",)),
    Subject(label="LangGraph loop, MessagesState", script="langgraph_loop.py"),
    Subject(label="lumo_graph code-agent, run", script="lumo_agent.py"),
    Subject(label="lumo_graph code-agent, stream", script="lumo_agent.py", options=("--stream",)),
)
PEERS = (
    Subject(
        label="smolagents CodeAgent",
        script="smolagents_agent.py",
        requirements=("smolagents>=1.26,<2",),
        stores=False,
    ),
    Subject(
        label="langgraph-codeact",
        script="codeact_agent.py",
        requirements=("langgraph-codeact>=0.1.3,<0.2", "langgraph-checkpoint-sqlite"),
    ),
)


class RunError(Exception):
    """A script came to no figures. The message is its last word."""


def measure(subjects: Sequence[Subject], sizes: Sequence[int], *, rounds: int, store: bool) -> list[Measured]:
    """The median figures of each subject.

    One round after the other, each through all subjects: what else the machine does then disturbs all alike.

    Args:
        subjects: what to measure.
        sizes: numbers of steps, one run each in every round.
        rounds: runs of each length.
        store: keep checkpoints in a SQLite file.
    """
    options = ["--steps", *map(str, sizes), *(["--store"] if store else [])]
    samples: dict[str, list[dict[int, Figures]]] = {subject.label: [] for subject in subjects}
    versions: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for _ in range(rounds):
        for subject in subjects:
            if subject.label in reasons:
                continue
            try:
                versions[subject.label], figures = _run(subject, options)
                samples[subject.label].append(figures)
            except InstallationError as error:
                reasons[subject.label] = f"not installed: {error}"
            except RunError as error:
                reasons[subject.label] = f"failed: {error}"
    return [
        Measured(label=label, figures={}, reason=reasons[label])
        if label in reasons
        else Measured(label=f"{label} ({versions[label]})", figures=_medians(runs, sizes))
        for label, runs in samples.items()
    ]


def clean_environment() -> dict[str, str]:
    """The environment without what would change a library's work: other paths, tracers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "PYTHON"))}
    return {**kept, "LANGGRAPH_STRICT_MSGPACK": "true"}


def run_script(subject: Subject, options: Sequence[str]) -> dict[str, Any]:
    """What the script of a subject prints last, as JSON.

    Raises:
        InstallationError: its environment could not be made.
        RunError: it failed.
    """
    environment = clean_environment()
    if subject.requirements:
        python = python_with(subject.requirements)
    else:
        python = Path(sys.executable)
        environment["PYTHONPATH"] = str(_ROOT)  # what is measured is what lies beside the benchmark
    command = [str(python), str(_SCRIPTS / subject.script), *options, *subject.options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment)
    except subprocess.TimeoutExpired as error:
        raise RunError(f"no end after {_SECONDS} seconds") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise RunError(said[-1])
    return json.loads(done.stdout.splitlines()[-1])


def _run(subject: Subject, options: Sequence[str]) -> tuple[str, dict[int, Figures]]:
    told = run_script(subject, options)
    return told["version"], {cost["steps"]: cost for cost in told["costs"]}


def _medians(runs: Sequence[Mapping[int, Figures]], sizes: Sequence[int]) -> dict[int, Figures]:
    names = list(runs[0][sizes[0]])
    return {size: {name: _median([run[size][name] for run in runs]) for name in names} for size in sizes}


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
