"""How the history of a thread and what two of its checkpoints differ in look."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lumo_graph.checkpoints import CheckpointSummary, Difference, ThreadDifference
from lumo_graph.cli.following import is_terminal
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.printable import one_line, printable
from lumo_graph.cli.transcript import plural

_COLUMNS = ("at", "checkpoint", "time", "then", "steps", "changed", "task")
_SHORTEST = 8
_CHANGED_WIDTH, _TASK_WIDTH, _TEXT_WIDTH = 40, 40, 60
_MARKS = {"added": "+", "changed": "~", "removed": "-"}


def print_history(history: Sequence[CheckpointSummary], *, json_lines: bool) -> None:
    """Print checkpoints: as a table, as lines with tabs between the columns, or as JSON lines."""
    if json_lines:
        sys.stdout.writelines(f"{json_line(asdict(one))}\n" for one in history)
        return
    length = id_length([one.checkpoint_id for one in history])
    rows = [_cells(one, length) for one in history]
    if is_terminal():
        Console(markup=False, emoji=False, highlight=False).print(_table(rows))
    else:
        sys.stdout.writelines("\t".join(cells) + "\n" for cells in (_COLUMNS, *rows))


def print_difference(found: ThreadDifference, *, as_json: bool) -> None:
    """Print what two checkpoints differ in: a line a variable or file, or one JSON object."""
    if as_json:
        sys.stdout.write(f"{json_line(asdict(found))}\n")
        return
    ends = " -> ".join(f"{one.number} ({one.checkpoint_id})" for one in (found.a, found.b))
    print(printable(f"thread {found.thread_id} · {ends}"))  # noqa: T201 - that is what a command does
    sys.stdout.writelines(f"{line}\n" for line in _lines(found))


def id_length(ids: Sequence[str]) -> int:
    """How much of each id tells it from all others."""
    ordered = sorted(ids)
    return max([_SHORTEST, *(_shared(*pair) + 1 for pair in pairwise(ordered))])


def _shared(one: str, other: str) -> int:
    same = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(same, min(len(one), len(other)))


def _cells(one: CheckpointSummary, length: int) -> tuple[str, ...]:
    return (
        str(one.number),
        one.checkpoint_id[:length],
        datetime.fromisoformat(one.created_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        _then(one),
        str(one.steps),
        one_line("; ".join(one.changed), _CHANGED_WIDTH),
        one_line(one.task, _TASK_WIDTH),
    )


def _then(one: CheckpointSummary) -> str:
    if one.waiting:
        return "waits for a decision"
    if one.next:
        return printable(", ".join(name.strip("_") for name in one.next))
    return f"end: {printable(one.outcome)}" if one.outcome else "end"


def _table(rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in _COLUMNS:
        numbers = column in {"at", "steps"}
        table.add_column(column, justify="right" if numbers else "left", no_wrap=column in {"checkpoint", "time"})
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table


def _lines(found: ThreadDifference) -> Iterator[str]:
    for title, differences in (("variables", found.variables), ("files", found.files)):
        if differences:
            yield title
            yield from (f"  {_line(one)}" for one in differences)
    if not found.variables and not found.files:
        yield "no variable and no file differs"


def _line(one: Difference) -> str:
    texts = [item.text for item in (one.before, one.after) if item is not None and item.text is not None]
    sizes = [_size(item.size) for item in (one.before, one.after) if item is not None]
    said = " -> ".join(one_line(text, _TEXT_WIDTH) for text in dict.fromkeys(texts))
    stored = " -> ".join(dict.fromkeys(sizes))
    shares = f"shares objects with {', '.join(one.shares)}" if one.shares else ""
    rest = " · ".join(part for part in (said, stored, one_line(shares, _TEXT_WIDTH)) if part)
    return f"{_MARKS[one.change]} {one_line(one.name, _TEXT_WIDTH)}  {rest}"


def _size(size: int | None) -> str:
    return "not stored" if size is None else plural(size, "byte")
