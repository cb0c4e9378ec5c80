"""`lumo demo`: two processes run `lumo run` and `lumo resume` on the example; this one shows, kills and checks them."""

import csv
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lumo_graph
from lumo_graph.cli.following import chosen_view, is_terminal
from lumo_graph.cli.given import MODEL_EXAMPLES
from lumo_graph.cli.lines import read_event
from lumo_graph.cli.transcript import plural
from lumo_graph.errors import LumoGraphError
from lumo_graph.events import Answered, Event, StepEnded, Token, ToolStarted

TASK = "How long does a sunspot cycle last, and when was the highest peak? Note the three highest peaks."
KILLED_AFTER_STEP = 3
_REACH = 3
"""Years around a peak in which none is higher."""
_LONGEST_SECONDS = 120
_STORE = ("--checkpointer", "sqlite:///runs.db")

INTRODUCTION = """\
No key and no network are needed: the model's replies are scripted, written beforehand in replies.py.
All else is real: the graph, the sandbox its code runs in, the tools, the checkpoint, the data (sunspots.csv)."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the events of one process said."""

    process_id: int = 0
    answer: Any = None
    calls: list[str] = field(default_factory=list[str])
    ended: bool = False
    status: int | None = None
    """Exit status of the process, negative for a signal."""


def run_demo() -> int:
    """Run the demo in a temporary folder.

    Returns:
        0 if the answer is right, the variables survived and nothing was done twice; else 1.
    """
    with TemporaryDirectory(prefix="lumo-demo-") as temporary:
        folder = Path(temporary)
        for file in find_example().iterdir():
            if file.suffix in {".py", ".csv"}:
                shutil.copy(file, folder)
        _say("lumo demo", style="bold")
        _say(INTRODUCTION)
        run = ("run", TASK, "--agent-type", "code-agent", "--tools", "tools.py", "--thread", "sunspots", *_STORE)
        killed = _watch(folder, (*run, "--model", "replies.py:hanging_model"), kill=True)
        if killed.status != -signal.SIGKILL:
            _say(f"✗ process {killed.process_id} ended by itself (status {killed.status}), before it could be killed:")
            _say((folder / "stderr.txt").read_text(encoding="utf-8", errors="replace"), style="red")
            return 1
        _say(
            f"\n✗ process {killed.process_id} is killed (SIGKILL) while the model writes its next reply. "
            "What is left of the run is runs.db.",
            style="bold red",
        )
        resume = ("resume", "sunspots", "--tools", "tools.py", *_STORE)
        resumed = _watch(folder, (*resume, "--model", "replies.py:model"), kill=False)
        checks = _checks(folder, killed, resumed)
    _say()
    for claim, holds in checks:
        _say(f"{'✓' if holds else '✗'} {claim}", style="green" if holds else "bold red")
    if not all(holds for _, holds in checks):
        return 1
    _say("\nNow with a real model: lumo run TASK --agent-type code-agent, and one of", style="bold")
    _say(MODEL_EXAMPLES)
    return 0


def find_example() -> Path:
    """The example's folder: within the installed package, or beside it in a checkout.

    Raises:
        LumoGraphError: the installation lacks it.
    """
    package = Path(lumo_graph.__file__).parent
    for root in (package, package.parent):
        folder = root / "examples" / "sunspots"
        if (folder / "sunspots.csv").is_file():
            return folder
    raise LumoGraphError(f"The example is missing from this installation ({package}). Install lumo-graph again.")


def true_answer(data: Path) -> dict[str, Any]:
    """The answer, computed here from the file, in another way than the scripted code does."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["year"]), float(row["sunspots"])) for row in csv.DictReader(file)]
    peaks = [
        (year, number)
        for index, (year, number) in enumerate(rows)
        if number == max(other for _, other in rows[max(0, index - _REACH) : index + _REACH + 1])
    ]
    years = [year for year, _ in peaks]
    lengths = [years[index] - years[index - 1] for index in range(1, len(years))]
    highest, number = max(peaks, key=lambda peak: peak[1])
    return {
        "cycle_years": round((years[-1] - years[0]) / len(lengths), 2),
        "shortest": min(lengths),
        "longest": max(lengths),
        "highest_peak": highest,
        "sunspots": number,
    }


def _watch(folder: Path, command: Sequence[str], *, kill: bool) -> Seen:
    """Show what a process does that runs the command, to its end or until it is to be killed."""
    with _started(folder, command) as process:
        seen = Seen(process_id=process.pid)
        _say(f"\n$ {shlex.join(['lumo', *command])}", style="bold cyan")
        _say(f"process {process.pid}\n", style="dim")
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        step = 0
        with chosen_view(json_lines=False) as view:
            for line in process.stdout:
                event = read_event(line)
                view.show(event)
                _take_note(seen, event)
                if isinstance(event, StepEnded):
                    step = event.step.number
                if kill and step == KILLED_AFTER_STEP and isinstance(event, Token):
                    os.kill(process.pid, signal.SIGKILL)
                    break
        seen.status = process.wait()
    if not kill and not seen.ended:
        _say((folder / "stderr.txt").read_text(encoding="utf-8", errors="replace"), style="red")
    return seen


def _take_note(seen: Seen, event: Event) -> None:
    if isinstance(event, ToolStarted):
        seen.calls.append(event.name)
    elif isinstance(event, Answered):
        seen.answer, seen.ended = event.result.answer, True


@contextmanager
def _started(folder: Path, command: Sequence[str]) -> Generator[subprocess.Popen[str], None, None]:
    """The command as a process in the folder. It prints events as JSON, and never outlives the block."""
    with (folder / "stderr.txt").open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "lumo_graph.cli", *command, "--json"],
            cwd=folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
    watchdog = threading.Timer(_LONGEST_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _environment() -> dict[str, str]:
    """The environment without what would change the demo, or send it over the network."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LUMO_", "LANGSMITH_", "LANGCHAIN_"))
    }
    path = [str(Path(lumo_graph.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}


def _checks(folder: Path, killed: Seen, resumed: Seen) -> list[tuple[str, bool]]:
    notes = folder / "notes.md"
    noted = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return [
        (
            "The answer is right: this process has computed it again from sunspots.csv.",
            resumed.answer == true_answer(folder / "sunspots.csv"),
        ),
        (
            f"The variables survived the kill: process {resumed.process_id} answered without reading a figure again.",
            killed.calls.count("sunspot_numbers") > 0 and resumed.calls == ["note"] and not killed.ended,
        ),
        (
            f"No tool call was repeated: notes.md has {plural(len(noted), 'line')}, each of them once.",
            0 < len(noted) == len(set(noted)) == [*killed.calls, *resumed.calls].count("note"),
        ),
    ]


def _say(text: str = "", *, style: str = "") -> None:
    if is_terminal():
        from rich.console import Console  # noqa: PLC0415 - not needed where nobody watches
        from rich.text import Text  # noqa: PLC0415 - same

        Console(highlight=False).print(Text(text, style=style))
    else:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
