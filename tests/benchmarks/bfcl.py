"""BFCL v4 multi-turn, its gold calls replayed through the graph: `python -m tests.benchmarks.bfcl`.

Every task is done twice, each time on API instances of its own: by the original harness, which evaluates the gold
calls, and by an agent whose scripted model says the same calls. A function-calling model says them one by one, a code
agent as one action a turn that runs in the jail. Then the APIs must be in the same state, and the calls must have given
the same results. What this measures is the graph, not a model.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from statistics import fmean, median
from textwrap import shorten

from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import AGENT_TYPES
from tests.benchmarks.bfcl_data import CATEGORIES, DISTRIBUTION, Task, load_tasks, spread, version
from tests.benchmarks.bfcl_replay import Replay, replay

_COLUMNS = (
    "agent type", "category", "tasks", "equal state", "equal results", "actions", "replies",
    "harness ms", "create ms", "graph ms", "p95",
)  # fmt: skip
_PROGRESS_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if everything is equal, else 1."""
    options = _parse(arguments)
    try:
        tasks = load_tasks(options.category or CATEGORIES)
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    tasks = spread(tasks, options.limit) if options.limit else tasks
    agent_types: Sequence[str] = options.agent_type or AGENT_TYPES
    replays = [*replay_all(tasks, agent_types)]
    print(f"BFCL v4 multi-turn ({DISTRIBUTION} {version()}): gold calls by the harness and through the graph\n")
    print(table(replays))
    print(f"\nGold changes the state of the APIs in {_count_changing(replays)} of {len(tasks)} tasks.")
    print("Actions and replies are means a task. Times are medians of a task's wall-clock time: its calls made by the")
    print("harness, its agent created, its runs through the graph (and the 95th percentile of these).")
    for each in replays:
        for reason in each.mismatches:
            print(f"MISMATCH {each.task.id} {each.agent_type}: {shorten(reason, 400)}")
    return int(any(each.mismatches for each in replays))


def replay_all(tasks: Sequence[Task], agent_types: Sequence[str]) -> Iterator[Replay]:
    """Replay every task with every agent type, saying on stderr how far it is."""
    executor = ProcessExecutor()
    shown, done, mismatches = time.monotonic(), 0, 0
    for agent_type in agent_types:
        for task in tasks:
            found = replay(task, agent_type, executor)
            yield found
            done, mismatches = done + 1, mismatches + bool(found.mismatches)
            if time.monotonic() - shown >= _PROGRESS_SECONDS:
                shown = time.monotonic()
                print(
                    f"{done}/{len(tasks) * len(agent_types)} replays, {mismatches} unequal", file=sys.stderr, flush=True
                )


def table(replays: Sequence[Replay]) -> str:
    """One line for each agent type and category, and one for each agent type as a whole."""
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for agent_type in dict.fromkeys(each.agent_type for each in replays):
        of_type = [each for each in replays if each.agent_type == agent_type]
        categories = list(dict.fromkeys(each.task.category for each in of_type))
        rows += [
            _row(agent_type, category, [each for each in of_type if each.task.category == category])
            for category in categories
        ]
        if len(categories) > 1:
            rows.append(_row(agent_type, "all", of_type))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(agent_type: str, category: str, replays: Sequence[Replay]) -> tuple[str, ...]:
    seconds = sorted(each.seconds for each in replays)
    return (
        agent_type,
        category,
        str(len(replays)),
        f"{sum(not each.state for each in replays)}/{len(replays)}",
        f"{sum(not each.results for each in replays)}/{len(replays)}",
        f"{fmean(each.actions for each in replays):.2f}",
        f"{fmean(each.replies for each in replays):.2f}",
        f"{median(each.direct_seconds for each in replays) * 1000:.2f}",
        f"{median(each.create_seconds for each in replays) * 1000:.0f}",
        f"{median(seconds) * 1000:.0f}",
        f"{seconds[int(len(seconds) * 0.95)] * 1000:.0f}",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    named = 2
    cells = [
        text.ljust(width) if column < named else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells)


def _count_changing(replays: Sequence[Replay]) -> int:
    return len({each.task.id for each in replays if each.changes})


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bfcl", description=__doc__)
    parser.add_argument("--limit", type=_at_least_one, help="replay this many tasks, spread evenly; all by default")
    parser.add_argument("--agent-type", action="append", choices=AGENT_TYPES, help="only this one; may be repeated")
    parser.add_argument("--category", action="append", choices=CATEGORIES, help="only this one; may be repeated")
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text!r}")
    return number


if __name__ == "__main__":
    sys.exit(main())
