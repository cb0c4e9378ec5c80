"""The rows of the table that `tests/benchmarks/sandbox.py` prints: what is measured, its budget, and why it is missed.

A row's key names a figure of the scripts in `peers`. Times in seconds, memory in bytes.
"""

from dataclasses import dataclass
from typing import Literal

_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that is measured."""

    key: str
    what: str
    budget: float | None = None
    """What it may take at most."""
    floor: str | None = None
    """Key of what it cannot be faster than, which stands in a row of its own."""
    ideal: float | None = None
    """What it would take if nothing but its own work took time. Taken as the floor."""
    unit: Literal["time", "memory"] = "time"
    missed: str = ""
    """Why it takes more than its budget, to be told if it does."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that stand together."""

    title: str
    rows: tuple[Row, ...]


_MEMORY = (
    "A session is three processes (guard, supervisor, runner), and its copy a fourth. All are forked from one that has "
    "its modules loaded, and CPython writes its reference counts into the pages that they share: about 1 MiB of each "
    "by the interpreter's own work after a fork, before any code of ours runs, and as much by what comes then"
)
_START = (
    "Three forks of a process with its packages loaded are most of it, then come the namespaces and their mounts. What "
    "a fork costs are the pages that are written after it, 2 MiB in each process, so other work on the machine shows"
)
_TURNS = (
    "Host, supervisor and runner take turns, so on few cores an action waits for whatever else runs. Most of the time "
    "the host waits for the others to be scheduled; the least action is 80 us of work in the runner"
)
_COPY = (
    "A copy is a fork of the runner: its page tables are copied, and each page that the action writes. With a copy per "
    "action, the one before is ended as well"
)
_CHECK = (
    "It takes time for each node of the syntax tree, of which this action has 900; and nothing but time on a processor"
)

GROUPS = (
    Group(
        title="Start",
        rows=(
            Row(key="python", what="`python -c pass`"),
            Row(key="python, numpy, pandas", what='`python -c "import numpy, pandas"`'),
            Row(key="first", what="first session of a process", floor="python"),
            Row(
                key="first, preloaded",
                what="first session of a process, numpy and pandas loaded",
                floor="python, numpy, pandas",
            ),
            Row(key="further", what="further session"),
            Row(
                key="further, preloaded",
                what="further session, numpy and pandas loaded",
                budget=0.030,
                missed=_START,
            ),
            Row(key="warm", what="session from a warm pool", budget=0.001),
            Row(key="crowd", what="50 sessions at once, all of them", budget=1.0, missed=_START),
            Row(
                key="memory",
                what="memory of one of 50 (PSS)",
                budget=12 * _MIB,
                unit="memory",
                missed=_MEMORY,
            ),
            Row(
                key="memory, copy",
                what="memory of one of 50 with its copy (PSS)",
                budget=12 * _MIB,
                unit="memory",
                missed=_MEMORY,
            ),
        ),
    ),
    Group(
        title="Actions and tool calls",
        rows=(
            Row(key="ping-pong", what="one byte to another process and back"),
            Row(key="exec", what="`exec` of `x = 1` in the own process"),
            Row(key="execute", what="`x = 1`, no copy", budget=0.0002, floor="ping-pong", missed=_TURNS),
            Row(key="tool call", what="tool call, of 1000 in a loop", budget=0.0001, floor="ping-pong", missed=_TURNS),
            Row(key="1000 tool calls", what="action with these 1000 calls"),
            Row(key="threads", what="32 calls at once by threads, each 10 ms", ideal=0.010),
            Row(key="gather", what="32 calls at once by `asyncio.gather`, each 10 ms", ideal=0.010),
            Row(key="check", what="check before an action of 50 lines", budget=0.002, missed=_CHECK),
        ),
    ),
    Group(
        title="The copy before each action, and back to it",
        rows=(
            Row(key="copy, small", what="`x = 1` with a copy", budget=0.010, floor="execute", missed=_COPY),
            Row(key="copy, 10 MB strings", what="10 MB of strings", budget=0.010, missed=_COPY),
            Row(key="copy, 100 MB strings", what="100 MB of strings", budget=0.010, missed=_COPY),
            Row(key="copy, 400 MB strings", what="400 MB of strings"),
            Row(key="copy, 10 MB numpy", what="10 MB in a numpy array", budget=0.010, missed=_COPY),
            Row(key="copy, 100 MB numpy", what="100 MB in a numpy array", budget=0.010, missed=_COPY),
            Row(key="copy, 400 MB numpy", what="400 MB in a numpy array"),
            Row(key="thaw", what="the code kills its process: from there to the execution", budget=0.025),
            Row(key="thaw, 100 MB", what="the same with 100 MB of strings", budget=0.025),
            Row(key="after the thaw", what="the action that follows"),
            Row(key="rollback", what="`rollback()`"),
            Row(
                key="fork bomb",
                what="processes that fork without end: from the limit to the execution, longest of 20",
                budget=1.0,
            ),
        ),
    ),
    Group(
        title="Snapshots",
        rows=(
            Row(key="snapshot, 1 KB", what="snapshot of 1 KB (floats)"),
            Row(key="snapshot, 1 MB", what="of 1 MB (strings)"),
            Row(key="snapshot, 100 MB", what="of 100 MB (numpy)"),
            Row(key="snapshot again, 1 KB", what="snapshot of the same 1 KB, unchanged"),
            Row(key="snapshot again, 1 MB", what="of the same 1 MB"),
            Row(key="snapshot again, 100 MB", what="of the same 100 MB"),
            Row(key="restore, 1 KB", what="session with that 1 KB in it", floor="further"),
            Row(key="restore, 1 MB", what="with that 1 MB", floor="further"),
            Row(key="restore, 100 MB", what="with these 100 MB", floor="further"),
        ),
    ),
    Group(
        title="Work",
        rows=(
            Row(key="loop", what="loop of 10^6 additions", floor="plain loop"),
            Row(key="comprehension", what="list comprehension of 10^6", floor="plain comprehension"),
            Row(key="json and regex", what="json and a regular expression", floor="plain json and regex"),
        ),
    ),
)
