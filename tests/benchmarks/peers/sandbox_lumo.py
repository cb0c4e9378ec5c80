"""lumo_graph's sessions: how they start, what they weigh, and what an action and a tool call cost beside their work."""

import inspect
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from measuring import descendants
from sandbox_lumo_namespaces import measure_copies, measure_snapshots
from sandbox_lumo_running import execute, open_session
from sandbox_timing import Figures, main, median_of, shared_memory
from sandbox_workloads import measure_workloads

from lumo_graph.dialects import check_action
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.types import Limits, Parameter, ToolReply, ToolRequest, ToolSpec

_PRELOADED = ("numpy", "pandas")
_CROWD = 50
_CALLS = 1_000
_AT_ONCE = 32
_NAP = 0.01
_REFILL_SECONDS = 0.5

_VALUE = (Parameter(name="value"),)
_TOOLS = (
    ToolSpec(name="same", parameters=_VALUE),
    ToolSpec(name="nap", parameters=_VALUE),
    ToolSpec(name="nap_async", parameters=_VALUE, is_async=True),
)
_WITH_THREADS = f"""
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor({_AT_ONCE}) as pool:
    done = list(pool.map(nap, range({_AT_ONCE})))
"""
_WITH_GATHER = f"""
import asyncio
done = await asyncio.gather(*(nap_async(number) for number in range({_AT_ONCE})))
"""
_FIFTY_LINES = "".join(
    f"rows_{number} = [same(value) for value in range({number}) if value % 2]\n"
    f"total_{number} = sum(len(str(row)) for row in rows_{number})\n"
    f"for row in rows_{number}:\n"
    f"    counts[row] = counts.get(row, 0) + total_{number}\n"
    f"print(f'{{total_{number}}} of {{len(rows_{number})}}')\n"
    for number in range(10)
)


def measure_starts(*, quick: bool) -> Figures:
    """From `open` to a session that takes actions."""
    times = 2 if quick else 15
    figures: Figures = {}
    for suffix, preload in (("", ()), (", preloaded", () if quick else _PRELOADED)):
        executor = ProcessExecutor(preload=preload)
        figures[f"first{suffix}"] = _first_of_process(executor)
        figures[f"further{suffix}"] = median([_open_and_close(executor) for _ in range(times)])
    if "warm" in inspect.signature(ProcessExecutor).parameters:
        figures["warm"] = _hand_over(times)
    return figures


def measure_crowd(*, quick: bool) -> Figures:
    """Many sessions at once, each of which has run an action."""
    count = 3 if quick else _CROWD
    preload = () if quick else _PRELOADED
    bare, _ = _crowd(ProcessExecutor(preload=preload, freeze_below_mb=0), count)
    copied, seconds = _crowd(ProcessExecutor(preload=preload), count)
    memory = {"memory": bare, "memory, copy": copied}
    return {"crowd": seconds} | {key: total / count for key, total in memory.items() if total is not None}


def measure_actions(*, quick: bool) -> Figures:
    """The least action, tool calls, and the check before an action."""
    calls = 10 if quick else _CALLS
    loop = f"for number in range({calls}):\n    same(number)\n"
    with open_session(ProcessExecutor(freeze_below_mb=0), tools=_TOOLS) as session:
        least = median_of(10 if quick else 300, lambda: execute(session, "x = 1", _serve))
        calling = median_of(1 if quick else 5, lambda: execute(session, loop, _serve))
        threads = median_of(1 if quick else 7, lambda: execute(session, _WITH_THREADS, _serve))
        gather = median_of(1 if quick else 7, lambda: execute(session, _WITH_GATHER, _serve))
    return {
        "execute": least,
        "tool call": (calling - least) / calls,
        "1000 tool calls": calling * _CALLS / calls,
        "threads": threads,
        "gather": gather,
        "check": median_of(3 if quick else 50, _check),
    }


def measure_work(*, quick: bool) -> Figures:
    """The workloads in a session as it is by default."""
    with open_session(ProcessExecutor()) as session:
        return measure_workloads(lambda code: execute(session, code), quick=quick)


def _first_of_process(executor: ProcessExecutor) -> float:
    close_zygotes()  # as it is when the process has just begun
    return _open_and_close(executor)


def _open_and_close(executor: ProcessExecutor) -> float:
    started = time.perf_counter()
    session = executor.open(limits=Limits())
    seconds = time.perf_counter() - started
    session.close()
    return seconds


def _hand_over(times: int) -> float:
    options: Mapping[str, Any] = {"warm": 2}  # of versions that have it
    executor = ProcessExecutor(**options)
    _open_and_close(executor)
    seconds: list[float] = []
    for _ in range(times):
        time.sleep(_REFILL_SECONDS)
        seconds.append(_open_and_close(executor))
    return median(seconds)


def _crowd(executor: ProcessExecutor, count: int) -> tuple[float | None, float]:
    _open_and_close(executor)
    ours = set(descendants())  # what the sessions start from, not the sessions
    with ThreadPoolExecutor(count) as pool:
        started = time.perf_counter()
        sessions = list(pool.map(lambda _: executor.open(limits=Limits()), range(count)))
        seconds = time.perf_counter() - started
        for session in sessions:
            execute(session, "x = 1")
        memory = shared_memory(set(descendants()) - ours)
        list(pool.map(lambda session: session.close(), sessions))
    return memory, seconds


def _serve(request: ToolRequest) -> ToolReply:
    if request.name != "same":
        time.sleep(_NAP)
    return ToolReply(value=request.args["value"])


def _check() -> None:
    if (error := check_action(_FIFTY_LINES, variables={"counts": "dict (0)"}, tools=_TOOLS)) is not None:
        raise RuntimeError(f"The check refuses an action that is right: {error!r}.")


if __name__ == "__main__":
    parts = {
        "starts": measure_starts,
        "crowd": measure_crowd,
        "actions": measure_actions,
        "copies": measure_copies,
        "snapshots": measure_snapshots,
        "workloads": measure_work,
    }
    main("lumo-graph", parts)
