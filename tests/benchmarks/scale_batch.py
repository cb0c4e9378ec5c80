"""What `lumo batch` does with many tasks: over processes of this machine, and over two nodes of a Ray cluster.

Each task is two code actions and three recorded tool calls, its thread is in PostgreSQL, and the model replies from a
script at once. That every task is answered and every call is made once is asserted; figures are not.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lumo_graph.testing import ScriptedOpenAI
from tests.batch.conftest import TOOLS, environment, once, reply
from tests.benchmarks.memory import Memory
from tests.benchmarks.processor import busy_seconds
from tests.postgres import Server, running_server

_CONCURRENCY = 16
_PROCESSES = 2


def measure(tasks: int = 1000) -> None:
    """Measure and print."""
    names = [f"task-{number}" for number in range(tasks)]
    with running_server() as postgres:
        print(f"\n{tasks} tasks through lumo batch, {_CONCURRENCY} at once in {_PROCESSES} processes, PostgreSQL")
        _measure(names, postgres, on_ray=False)
        if find_spec("ray") is None:
            print("  Ray is not installed")
            return
        print(f"\n{tasks} tasks on a Ray cluster of two nodes (on this one machine), same store")
        _measure(names, postgres, on_ray=True)


def _measure(names: Sequence[str], postgres: Server, *, on_ray: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with ScriptedOpenAI([reply] * 2 * len(names)) as upstream:  # no more and no less may be asked for
            done = asyncio.run(_timed(names, Path(folder), postgres.new_database(), upstream.base_url, on_ray=on_ray))
        effects = Counter((Path(folder) / "effects").read_text().splitlines())
    assert effects == once(names), "a call was lost or made twice"
    _row("answered", f"{done['answered']:.0f} of {len(names)}", "every call once")
    _row("seconds", f"{done['seconds']:.1f}", f"{len(names) / done['seconds']:.1f} tasks/s")
    _row("processor of a task", f"{1000 * done['cpu'] / len(names):.0f} ms", f"{100 * done['busy']:.0f} % of the cores")
    _row("MiB at most", f"{done['mib']:.0f}", f"in {done['processes']:.0f} processes")


async def _timed(names: Sequence[str], folder: Path, store: str, base_url: str, *, on_ray: bool) -> dict[str, float]:
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps({'id': name, 'task': name})}\n" for name in names))
    if on_ray:
        given = {
            "store": store, "base_url": base_url, "names": list(names), "kill_after": None,
            "concurrency": _CONCURRENCY, "processes": _PROCESSES,
        }  # fmt: skip
        command = ["-m", "tests.batch.cluster", json.dumps(given)]
    else:
        command = [
            "-m", "lumo_graph.cli", "batch", "tasks.jsonl", "-a", "code-agent", "-m", "openai:m", "-b", base_url,
            "--tools", str(TOOLS), "--checkpointer", store, "--concurrency", str(_CONCURRENCY),
            "--processes", str(_PROCESSES),
        ]  # fmt: skip
    before, begun = busy_seconds(), time.perf_counter()
    with (folder / "out").open("w") as out, (folder / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it is started once, and awaited in a thread
            [sys.executable, *command],
            cwd=folder, env=environment(EFFECTS=str(folder / "effects")), stdout=out, stderr=log,
        )  # fmt: skip
        memory = Memory(process.pid)
        watch = asyncio.create_task(memory.watch())
        code = await asyncio.to_thread(process.wait)
        watch.cancel()
    seconds, used = time.perf_counter() - begun, busy_seconds() - before
    assert code == 0, (folder / "log").read_text()[-3000:]
    lines = [json.loads(line) for line in (folder / "out").read_text().splitlines() if line.startswith('{"id"')]
    return {
        "answered": sum(line["answer"] == [1, 2] for line in lines),
        "seconds": seconds,
        "cpu": used,
        "busy": used / seconds / (os.cpu_count() or 1),
        "mib": memory.server + memory.sessions,
        "processes": memory.most,
    }


def _row(label: str, *cells: str) -> None:
    print(f"  {label:<26}" + "  ".join(cells))
