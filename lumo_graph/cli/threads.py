"""The list of stored threads."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lumo_graph.checkpoints import PrunedThread, ThreadSummary, list_threads, open_checkpointer
from lumo_graph.cli.following import is_terminal
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.printable import one_line, printable
from lumo_graph.cli.transcript import plural

_COLUMNS = ("thread", "last used", "agent type", "outcome", "steps", "task")
_TASK_WIDTH = 60


def print_threads(checkpointer: str, *, json_lines: bool) -> None:
    """Print the threads of a store: as a table, as lines with tabs between the columns, or as JSON lines."""
    with open_checkpointer(checkpointer, must_exist=True) as saver:
        found = [] if saver is None else list_threads(saver)
    if json_lines:
        sys.stdout.writelines(f"{json_line(asdict(thread))}\n" for thread in found)
    elif is_terminal():
        Console(markup=False, emoji=False, highlight=False).print(_table(found))
    else:
        sys.stdout.writelines("\t".join(cells) + "\n" for cells in (_COLUMNS, *map(_cells, found)))


def print_pruned(found: Sequence[PrunedThread], *, json_lines: bool, done: bool) -> None:
    """Print what pruning did, or would do: a line a thread, or JSON lines."""
    if json_lines:
        sys.stdout.writelines(f"{json_line(asdict(thread))}\n" for thread in found)
        return
    verb = "removed" if done else "would remove"
    for thread in found:
        name = printable(thread.thread_id)
        if thread.skipped:
            line = f"{name}\tskipped: {printable(thread.skipped)}"
        else:
            rest = f"{thread.kept:,} stay" if thread.kept else "the whole thread"
            line = (
                f"{name}\t{verb} {plural(thread.removed, 'checkpoint')}, {rest}\t{one_line(thread.task, _TASK_WIDTH)}"
            )
        sys.stdout.write(f"{line}\n")
    if not found:
        sys.stdout.write("nothing to prune\n")
    sys.stdout.flush()


def _cells(thread: ThreadSummary) -> tuple[str, ...]:
    return (
        printable(thread.thread_id),
        datetime.fromisoformat(thread.updated_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        printable(thread.agent_type),
        printable(_standing(thread)),
        str(thread.steps),
        one_line(thread.task, _TASK_WIDTH),
    )


def _standing(thread: ThreadSummary) -> str:
    if thread.damaged:
        return f"cannot be read ({one_line(thread.damaged, _TASK_WIDTH)}): lumo threads delete"
    return thread.outcome or ("waits for a person" if thread.waiting else "unfinished") + ": lumo resume"


def _table(threads: Sequence[ThreadSummary]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column == "steps" else "left")
    for thread in threads:
        style = "" if thread.outcome else "yellow"
        table.add_row(*(Text(cell, style=style) for cell in _cells(thread)))
    return table
