"""What one process bears: runs a second, processor time of a run, memory of a thread, and where the time goes.

Each figure comes from a process of its own. Processor time is that of the whole machine, less what the same process
takes for no runs.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from lumo_graph import create_lumo_agent
from lumo_graph.testing import ScriptedModel
from tests.benchmarks.memory import mib
from tests.benchmarks.processor import busy_seconds
from tests.watching import processes_below

STEPS = 2
_ROOT = Path(__file__).parents[2]
_REPLIES = [
    "```python\nrows = [n * n for n in range(1000)]\nprint(sum(rows))\n```",
    "```python\nfinal_answer(len(rows))\n```",
]


def measure(concurrencies: Sequence[int] = (1, 8, 64), *, runs: int = 192, threads: int = 32) -> None:
    """Measure and print.

    Args:
        concurrencies: how many threads run at once.
        runs: of each row.
        threads: of the rows about memory.
    """
    print(f"\n{runs} runs of {STEPS} steps in one process, each a thread of its own in SQLite")
    empty = _child("run", 0, 1)
    for concurrency in concurrencies:
        told = _child("run", runs, concurrency)
        cpu = 1000 * (told["cpu"] - empty["cpu"]) / runs
        host = 1000 * told["host"] / runs
        _row(
            f"{concurrency} at once",
            f"{runs / told['seconds']:.1f} runs/s",
            f"{cpu:.0f} ms of processor a run",
            f"{host:.0f} of them in the host",
            f"{100 * (told['cpu'] - empty['cpu']) / told['seconds'] / (os.cpu_count() or 1):.0f} % of the cores",
        )
    told = _child("keep", threads, threads)
    print(f"\nmemory of {threads} threads")
    _row("live, between actions", f"{told['live']:.1f} MiB", f"{told['processes']:.1f} processes each")
    _row("idle, in the store alone", f"{told['host']:.2f} MiB", f"{told['stored']:.0f} KiB in SQLite")


def _child(*given: object) -> dict[str, float]:
    """Run this file as a process; what it has measured, and the processor time meanwhile."""
    before = busy_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.scale_process", *map(str, given)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return {"cpu": busy_seconds() - before, **json.loads(done.stdout)}


async def _run(runs: int, concurrency: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder, "runs.db"))) as saver:
            agent = create_lumo_agent(
                ScriptedModel([_reply] * (STEPS * (runs + 1))), agent_type="code-agent", checkpointer=saver
            )
            await agent.ainvoke({"task": "warm"}, _thread("warm"))
            turns = asyncio.Semaphore(concurrency)

            async def one(number: int) -> None:
                async with turns:
                    done = await agent.ainvoke({"task": "go"}, _thread(str(number)))
                    assert done["answer"] == 1000, done["answer"]

            host, begun = time.process_time(), time.perf_counter()
            await asyncio.gather(*(one(number) for number in range(runs)))
            return {"seconds": time.perf_counter() - begun, "host": time.process_time() - host}


async def _keep(threads: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "runs.db")
        async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
            replies = [_reply] * (STEPS * (2 * threads + 1))
            live = create_lumo_agent(
                ScriptedModel(replies), agent_type="code-agent", checkpointer=saver, idle_sessions=threads + 1
            )
            await live.ainvoke({"task": "warm"}, _thread("warm"))
            before, few = _memory(), len(processes_below(os.getpid()))
            await asyncio.gather(*(live.ainvoke({"task": "go"}, _thread(f"a{n}")) for n in range(threads)))
            with_sessions, many = _memory(), len(processes_below(os.getpid()))

            idle = create_lumo_agent(
                ScriptedModel(replies), agent_type="code-agent", checkpointer=saver, idle_sessions=0
            )
            await idle.ainvoke({"task": "warm"}, _thread("b"))
            host, size = mib(os.getpid()), _size(file)
            await asyncio.gather(*(idle.ainvoke({"task": "go"}, _thread(f"b{n}")) for n in range(threads)))
            return {
                "live": (with_sessions - before) / threads,
                "processes": (many - few) / threads,
                "host": max(0.0, mib(os.getpid()) - host) / threads,
                "stored": (_size(file) - size) / threads / 1024,
            }


def _reply(messages: list[Any]) -> str:
    return _REPLIES[sum(message.type == "ai" for message in messages)]


def _thread(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


def _memory() -> float:
    """Of this process and all below it, in MiB."""
    return sum(map(mib, {os.getpid(), *processes_below(os.getpid())}))


def _size(file: Path) -> int:
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))


def _row(label: str, *cells: str) -> None:
    print(f"  {label:<26}" + "  ".join(cells))


if __name__ == "__main__":
    what, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(asyncio.run(_run(count, at_once) if what == "run" else _keep(count))))
