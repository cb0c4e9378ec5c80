"""What the server bears: many runs at once, and a kill in the middle of them.

    python -m tests.benchmarks.serving            200 runs of 5 steps each; some minutes
    python -m tests.benchmarks.serving --quick    a few runs

Everything is real but the model, which replies from a script at once: the figures are those of the server and its
sandbox. Figures are reported and never asserted; that no run is lost is.
"""

import argparse
import asyncio
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from lumo_graph.testing import ScriptedOpenAI
from tests.benchmarks.memory import Memory

ROOT = Path(__file__).parents[2]
_STEPS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serving", description="What the server bears.")
    parser.add_argument("--quick", action="store_true", help="a few runs")
    parser.add_argument("--runs", type=int, default=200, help="at once (200)")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 200], help="of the server (8 and 200)")
    given = parser.parse_args(arguments)
    runs, turns = (6, [3]) if given.quick else (given.runs, given.concurrency)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores. {runs} runs of {_STEPS} steps, SQLite.")
    for concurrency in turns:
        print(f"\n{runs} POST /run at once, {concurrency} of them go on at once")
        asyncio.run(_measure_load(runs, concurrency))
    print(f"\n{runs} runs in the background, the server killed in the middle and started again with --recover")
    asyncio.run(_measure_kill(runs, turns[0]))


async def _measure_load(runs: int, concurrency: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedOpenAI([_reply] * runs * _STEPS) as upstream,
        _serving(Path(folder), concurrency, runs) as server,
    ):
        memory = Memory(server.pid)
        watch = asyncio.create_task(memory.watch())
        begun = time.perf_counter()
        async with _client(server, runs) as client:
            told = await asyncio.gather(*(_run(client, upstream.base_url, number) for number in range(runs)))
        seconds = time.perf_counter() - begun
        watch.cancel()
    lost = [answer for _, answer in told if answer != sum(range(_STEPS))]
    times = sorted(took for took, _ in told)
    _row("answered", f"{runs - len(lost)} of {runs}")
    _row("seconds in all", f"{seconds:.1f}", f"{runs * _STEPS / seconds:.1f} steps a second")
    _row("seconds of one: p50, p99", f"{statistics.median(times):.1f}", f"{times[int(0.99 * (runs - 1))]:.1f}")
    _row("MiB of the server, at most", f"{memory.server:.0f}")
    _row("MiB of its sessions, at most", f"{memory.sessions:.0f}", f"in {memory.most} processes")
    assert not lost, lost[:5]


async def _measure_kill(runs: int, concurrency: int) -> None:
    # The calls that were in flight when the server died are made again.
    with tempfile.TemporaryDirectory() as folder, _unchecked([_reply] * runs * _STEPS * 2) as upstream:
        with _serving(Path(folder), concurrency, runs) as server:
            async with _client(server, runs) as client:
                accepted = await asyncio.gather(
                    *(_run(client, upstream.base_url, number, background=True) for number in range(runs))
                )
            while len(upstream.requests) < runs * _STEPS // 3:  # noqa: ASYNC110 - threads answer
                await asyncio.sleep(0.05)
            server.process.kill()
            server.process.wait()
        names = {name for _, name in accepted if name}
        _row("accepted before the kill", f"{len(names)} of {runs}", f"{len(upstream.requests)} model calls made")
        begun = time.perf_counter()
        with _serving(Path(folder), concurrency, runs, "--recover") as server:
            async with _client(server, runs) as client:
                while True:
                    listed = (await client.get("/threads", params={"limit": 1000})).json()["threads"]
                    if all(one["status"] == "ended" for one in listed):
                        break
                    await asyncio.sleep(0.5)
                answers = [(await client.get(f"/threads/{name}")).json()["answer"] for name in sorted(names)]
        right = answers.count(sum(range(_STEPS)))
        _row("answered after the restart", f"{right} of {len(names)}", f"in {time.perf_counter() - begun:.1f} s")
        assert right == runs, (right, len(names))


def _reply(body: dict[str, Any]) -> str:
    """One more step: each adds to a variable of the session, the last answers with it."""
    made = sum(message["role"] == "assistant" for message in body["messages"])
    code = f"total = {made} + (total if {made} else 0)"
    return f"```python\n{code}\n{'final_answer(total)' if made == _STEPS - 1 else 'print(total)'}\n```"


async def _run(
    client: httpx2.AsyncClient, base_url: str, number: int, *, background: bool = False
) -> tuple[float, Any]:
    begun = time.perf_counter()
    body = {
        "task": "Add", "model": "m", "base_url": base_url, "agent_type": "code-agent",
        "thread_id": f"run-{number}", "background": background,
    }  # fmt: skip
    response = await client.post("/run", json=body)
    told = response.json()
    return time.perf_counter() - begun, told.get("thread_id" if background else "answer", told)


@contextmanager
def _unchecked(replies: list[Any]) -> Generator[ScriptedOpenAI, None, None]:
    """A scripted server that may have replies left: how many are asked for depends on when the kill comes."""
    with suppress(AssertionError), ScriptedOpenAI(replies) as upstream:
        failure: Exception | None = None
        try:
            yield upstream
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A server process."""

    process: "subprocess.Popen[str]"
    url: str

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid


@contextmanager
def _serving(folder: Path, concurrency: int, runs: int, *options: str) -> Generator[Serving, None, None]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ENABLE_AUTH": "false", "LUMO_ALLOW_PRIVATE_BASE_URLS": "1"}
    command = [
        sys.executable, "-m", "lumo_graph.cli", "serve", "--port", "0", "--checkpointer", "sqlite:///runs.db",
        "--concurrency", str(concurrency), "--queue", str(runs), *options,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = re.search(r"serving on (\S+)", process.stderr.readline())
        assert found, process.stderr.read()
        yield Serving(process=process, url=found[1])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        process.stderr.close()


def _client(server: Serving, connections: int) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=connections)
    return httpx2.AsyncClient(base_url=server.url, limits=limits, timeout=3600, trust_env=False)


def _row(label: str, *cells: str) -> None:
    print(f"  {label:<34}" + "".join(f"{cell:>12}  " for cell in cells).rstrip())


if __name__ == "__main__":
    main()
