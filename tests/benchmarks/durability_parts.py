"""Runs whose durability is measured: what they take to resume, to record a call, and to store."""

import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumo_graph import resume, run
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.session import ProcessSession
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects
from lumo_graph.types import Limits, ToolReply
from tests.postgres import Server

_LIMITS = Limits(max_steps=1000, max_tool_calls=None)
_SIZES = {"1 MB": 1 << 17, "100 MB": 100 << 17}
"""Numbers of 8 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty store."""

    url: str
    size: Callable[[], int]
    """Bytes that it takes."""


@contextmanager
def open_session(executor: ProcessExecutor, namespace: Mapping[str, bytes] | None = None) -> Iterator[ProcessSession]:
    """A session for the length of a block."""
    session = executor.open(namespace, limits=Limits())
    try:
        yield session
    finally:
        session.close()


def places(folder: Path, server: Server | None) -> dict[str, Callable[[], Place]]:
    """How to get an empty store, by its kind."""

    def memory() -> Place:
        return Place(url=f"memory://{uuid.uuid4().hex}", size=lambda: 0)

    def sqlite() -> Place:
        file = folder / f"{uuid.uuid4().hex}.db"
        return Place(
            url=f"sqlite:///{file}", size=lambda: sum(one.stat().st_size for one in folder.glob(f"{file.name}*"))
        )

    def postgres() -> Place:
        assert server is not None
        url = server.new_database()
        return Place(url=url, size=lambda: _database_size(url))

    return {"memory": memory, "SQLite": sqlite} | ({"PostgreSQL": postgres} if server else {})


def _database_size(url: str) -> int:
    import psycopg

    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables").fetchone()
    return int(found[0]) if found else 0


def resume_seconds(times: int, *, sizes: Sequence[str]) -> dict[str, float]:
    """Seconds from the wish to go on to the result of the next action `1`, by what the variables come from."""
    executor = ProcessExecutor(preload=["numpy"])
    figures: dict[str, float] = {}
    with open_session(executor) as session:
        figures["living session"] = _median(times, lambda: _execute(session, "1"))
        figures["frozen copy, after the session was killed"] = statistics.median(
            _die(session) + _timed(lambda: _execute(session, "1")) for _ in range(times)
        )
    for size in sizes:
        with open_session(executor) as session:
            _execute(session, f"import numpy\ndata = numpy.random.default_rng().random({_SIZES[size]})")
            saved = {name: blob for name, blob in session.snapshot().changed.items() if blob is not None}
        figures[f"snapshot of {size}"] = _median(times, lambda saved=saved: _restore(executor, saved))
    return figures


def replay_seconds(place: Place, calls: int) -> tuple[float, float]:
    """Seconds that an action with so many calls takes, and that it takes to go on behind them after a question.

    The question is answered in the same process, from the snapshot and the journal.
    """
    waiting: list[float] = []

    def charge(n: int) -> int:
        """Charge."""
        return n

    def confirm() -> float:
        """Ask."""
        waiting.append(time.perf_counter())
        return 1.0

    code = f"x = [charge(n) for n in range({calls})]\nconfirm()\nfinal_answer(len(x))"
    given: dict[str, Any] = {
        "tools": [charge, confirm],
        "interrupt_on": {"confirm": True},
        "checkpointer": place.url,
    }
    model = ScriptedModel([f"```python\n{code}\n```"])
    started = time.perf_counter()
    asked = run("go", model, agent_type="code-agent", thread_id="t", limits=_LIMITS, **given)
    first = time.perf_counter() - started
    started = time.perf_counter()
    result = resume("t", model, decision={"type": "approve"}, **given)
    if (asked.outcome, result.answer) != ("interrupted", calls):
        raise RuntimeError(f"The action was not replayed: {asked.outcome}, {result.answer!r}.")
    return first, waiting[0] - started


def call_seconds(place: Place, calls: int, *, journaled: bool) -> float:
    """Seconds for each call of an action with so many."""

    def charge(n: int) -> int:
        """Charge."""
        return n

    code = (
        f"import time\nstarted = time.perf_counter()\nfor n in range({calls}): charge(n)\n"
        "final_answer(time.perf_counter() - started)"
    )
    tool = charge if journaled else declare_effects(charge, effects="none")
    result = run(
        "go", ScriptedModel([f"```python\n{code}\n```"]), agent_type="code-agent", tools=[tool],
        checkpointer=place.url, thread_id="t", limits=_LIMITS,
    )  # fmt: skip
    return float(result.answer) / calls


def grown_bytes(place: Place, actions: int, size: int) -> int:
    """Bytes that are stored of a run whose every action adds so many bytes to its variables."""
    replies = [f"```python\nimport os\ndata_{n} = os.urandom({size})\n```" for n in range(actions)]
    code_run = _run_through(place, [*replies, f"```python\nfinal_answer(len(data_{actions - 1}))\n```"])
    if code_run != size:
        raise RuntimeError(f"The variables came to {code_run!r}.")
    return place.size()


def step_cost(place: Place, steps: int) -> tuple[float, float]:
    """Bytes that are stored for each step of a run, and its processor time in this process, in seconds."""
    cpu = time.process_time()
    _run_through(place, [*["Next.\n```python\nx = 1\n```"] * (steps - 1), "```python\nfinal_answer(x)\n```"])
    return place.size() / steps, (time.process_time() - cpu) / steps


def _run_through(place: Place, replies: list[str]) -> Any:
    return run(
        "go", ScriptedModel(replies), agent_type="code-agent", checkpointer=place.url, thread_id="t", limits=_LIMITS
    ).answer


def _execute(session: ProcessSession, code: str) -> None:
    execution = session.execute(code, seconds=120.0, serve=lambda _: ToolReply())
    if execution.error is not None:
        raise RuntimeError(f"{execution.error.kind}: {execution.error.message}")


def _die(session: ProcessSession) -> float:
    code = "import os, time\nprint(time.monotonic(), flush=True)\nos.kill(os.getpid(), 9)"
    execution = session.execute(code, seconds=120.0, serve=lambda _: ToolReply())
    if not execution.rolled_back:
        raise RuntimeError("The session did not go back to its copy.")
    return time.monotonic() - float(execution.stdout)


def _restore(executor: ProcessExecutor, saved: Mapping[str, bytes]) -> None:
    with open_session(executor, saved) as session:
        _execute(session, "1")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _median(times: int, work: Callable[[], object]) -> float:
    work()
    return statistics.median(_timed(work) for _ in range(times))


def disk_floor(folder: Path) -> float:
    """Seconds to write 200 bytes to a file and be sure of it: what one record costs at least."""
    file = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT, 0o600)
    try:

        def write() -> None:
            os.write(file, bytes(200))
            os.fsync(file)

        return _median(50, write)
    finally:
        os.close(file)
