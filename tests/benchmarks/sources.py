"""What it costs that actions can run again from their sources: `python -m tests.benchmarks.sources`.

Three sessions: Python as it is, ours for an action without sources, and with them. Least of several rounds for single
calls, medians for whole actions; the machine should have nothing else to do.
"""

import statistics
import time

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.session import ProcessSession
from lumo_graph.types import Execution, Limits, Sources, ToolReply

CALLS = {
    "time.time()": "time.time",
    "time.perf_counter()": "time.perf_counter",
    "datetime.now()": "datetime.datetime.now",
    "os.urandom(16)": "lambda: os.urandom(16)",
    "uuid.uuid4()": "uuid.uuid4",
    "secrets.token_hex(16)": "lambda: secrets.token_hex(16)",
    "random.random()": "random.random",
    "random.Random()": "random.Random",
    "numpy.random.default_rng()": "numpy.random.default_rng",
}
ACTION = f"""
import datetime, os, random, secrets, time, timeit, uuid, numpy.random
[min(timeit.repeat(call, number=1000, repeat=15)) * 1e6 for call in [{", ".join(CALLS.values())}]]
"""
KINDS = ("off", "without sources", "with sources")
ROUNDS = 300


def open_session(kind: str, **more: int) -> ProcessSession:
    return ProcessExecutor(require="none", deterministic=kind != "off", **more).open(limits=Limits())


def run(session: ProcessSession, code: str, kind: str) -> tuple[Execution, float]:
    sources = Sources() if kind == "with sources" else None
    started = time.perf_counter()
    done = session.execute(code, seconds=60, serve=lambda _: ToolReply(), sources=sources)
    taken = time.perf_counter() - started
    assert done.error is None, done.error
    return done, taken


def measure_calls() -> None:
    columns = []
    for kind in KINDS:
        session = open_session(kind)
        done, _ = run(session, ACTION, kind)
        columns.append(done.value.json if done.value else [])
        session.close()
    print(f"{'ns a call':28}", *(f"{kind:>16}" for kind in KINDS))
    for name, *row in zip(CALLS, *columns, strict=True):
        print(f"{name:28}", *(f"{nanoseconds:16,.0f}" for nanoseconds in row))


def measure_actions(title: str, before: str, freeze_below_mb: int) -> None:
    sessions = {kind: open_session(kind, freeze_below_mb=freeze_below_mb) for kind in KINDS}
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, session in sessions.items():
        run(session, before, kind)
    for _ in range(ROUNDS):  # in turns, so that all see the same machine
        for kind, session in sessions.items():
            taken[kind].append(run(session, "x = 1", kind)[1])
    for session in sessions.values():
        session.close()
    print(f"{title:28}", *(f"{statistics.median(taken[kind]) * 1e6:16,.0f}" for kind in KINDS))


if __name__ == "__main__":
    measure_calls()
    print(f"{'us an action `x = 1`':28}", *(f"{kind:>16}" for kind in KINDS))
    measure_actions("no copy", "pass", 0)
    measure_actions("no copy, numpy loaded", "import numpy.random", 0)
    measure_actions("with a frozen copy", "pass", 512)
