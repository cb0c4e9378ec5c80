"""One run that is struck again and again, and goes on in a new process each time, until it has ended."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, TypeAlias

from langchain_core.runnables import RunnableConfig

from lumo_graph.checkpoints import open_checkpointer
from lumo_graph.errors import ConfigurationError
from tests.chaos import host, task
from tests.chaos.host import FAILURE, LOG, RESULT, THREAD
from tests.forking import processes
from tests.postgres import Server
from tests.watching import has_ended, processes_below, until

Victim: TypeAlias = Literal["host", "session", "zygote", "postgres"]
_BLOWS = 7
_EARLY = 0.15
"""How often the blow falls while the process starts, and not while it makes calls."""
_START_SECONDS = 0.4
_JITTER_SECONDS = 0.012
_FURTHEST = 14
"""Effects that the process may add before it is struck."""
_HANGS_SECONDS = 120.0
_NO_SESSION = "The process that sessions start from could not start"
"""What a run fails with that is struck whenever it starts a session. It can be resumed."""
_PAUSE_SECONDS = 0.0005


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one run."""

    seed: int
    blows: int = 0
    processes: int = 0
    effects: int = 0
    unknown: int = 0
    """Effects whose blow fell before they were recorded."""
    repeated: int = 0
    """Effects that were there more than once, all of them unknown before, each with the same key."""
    asked: int = 0
    """Questions whether to make a call again."""
    approved: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list[str])
    """What must not be."""


class Storm:
    """One run and what strikes it.

    Args:
        folder: for what its processes leave.
        url: of the store.
        seed: of everything that is random about it.
        victim: what is struck.
        loop: the run is on an event loop.
        server: that keeps the store, if it can be struck.
    """

    def __init__(
        self, folder: Path, url: str, *, seed: int, victim: Victim = "host", loop: bool = False,
        server: Server | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._url = url
        self._chance = random.Random(seed)  # noqa: S311 - it has to be the same in every run
        self._victim = victim
        self._loop = loop
        self._server = server
        self._below: set[int] = set()
        self._unknown: Counter[str] = Counter()
        self.outcome = Outcome(seed=seed)

    def rage(self) -> Outcome:
        """Run it to its end."""
        started = time.monotonic()
        decision, begun = None, False
        while (result := self._go_on(decision, begun=begun)) is None or result["outcome"] == "interrupted":
            begun = True
            # Where it was struck, the question may be open or answered already.
            decision = None if result is None else self._decide(result["pending"])
            if self.outcome.faults or self.outcome.processes > _BLOWS * 20:
                break
        self.outcome.seconds = time.monotonic() - started
        self._judge(result)
        return self.outcome

    def _go_on(self, decision: Any, *, begun: bool) -> dict[str, Any] | None:
        # What the process has told at its end; None if it did not come that far.
        for name in (RESULT, FAILURE):
            (self._folder / name).unlink(missing_ok=True)
        given = {"loop": self._loop, "begun": begun, "decision": decision}
        process = processes.Process(target=host.drive, args=(str(self._folder), self._url), kwargs=given)
        process.start()
        self.outcome.processes += 1
        while self.outcome.blows < _BLOWS and self._wait_for_moment(process):
            self._strike(process)
            if self._victim == "host":
                break
        process.join(_HANGS_SECONDS)
        if process.exitcode is None:
            self.outcome.faults.append("a process hung")
            process.kill()
            process.join()
        self._note_unknown()
        failure = (self._folder / FAILURE).read_text() if process.exitcode == 1 else ""
        if failure and not (self._victim == "postgres" or _NO_SESSION in failure):
            self.outcome.faults.append(failure)
        process.close()
        if left := [pid for pid in self._below if not until(lambda pid=pid: has_ended(pid))]:
            self.outcome.faults.append(f"{len(left)} processes are left")
        self._below.clear()
        result = self._folder / RESULT
        return json.loads(result.read_text()) if result.exists() else None

    def _wait_for_moment(self, process: BaseProcess) -> bool:
        if self._chance.random() < _EARLY:
            process.join(self._chance.random() * _START_SECONDS)
        else:
            enough = len(self._effects()) + self._chance.randrange(_FURTHEST)
            while process.is_alive() and len(self._effects()) < enough:
                time.sleep(_PAUSE_SECONDS)
            time.sleep(self._chance.random() * _JITTER_SECONDS)
        return process.is_alive()

    def _strike(self, process: BaseProcess) -> None:
        self.outcome.blows += 1
        assert process.pid is not None
        self._below |= processes_below(process.pid)
        if self._victim == "postgres":
            assert self._server is not None
            self._server.restart(hard=self._chance.random() < 0.5)
            return
        for pid in self._targets(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _targets(self, pid: int) -> Sequence[int]:
        if self._victim == "host":
            return [pid]
        below = sorted(processes_below(pid))
        if self._victim == "zygote":
            return below[:1]
        return [self._chance.choice(below[1:])] if below[1:] else []

    def _decide(self, pending: list[dict[str, Any]]) -> Any:
        # A call that may have been made is looked up in the world, as a person would.
        decisions: list[dict[str, Any]] = []
        made = {text for _, text in self._effects()}
        for request in (one for question in pending for one in question["action_requests"]):
            n = request["args"]["n"]
            if request["name"] in task.ASKED:
                self.outcome.approved += 1
            else:
                self.outcome.asked += 1
            known = request["name"] not in task.ASKED and f"{request['name']}-{n}" in made
            decisions.append({"type": "respond", "message": str(n * n)} if known else {"type": "approve"})
        return decisions[0] if len(decisions) == 1 else {"decisions": decisions}

    def _effects(self) -> list[list[str]]:
        # Key and text of each, in order.
        log = self._folder / LOG
        return [line.split(" ") for line in log.read_text().splitlines()] if log.exists() else []

    def _note_unknown(self) -> None:
        counts = Counter(key for key, _ in self._effects())
        recorded = self._recorded()
        for key, count in counts.items():
            if key not in recorded and self._unknown[key] < count:
                self._unknown[key] = count

    def _recorded(self) -> set[str]:
        config: RunnableConfig = {"configurable": {"thread_id": THREAD}}
        keys: set[str] = set()
        with suppress(ConfigurationError), open_checkpointer(self._url, must_exist=True) as saver:
            assert saver is not None
            for stored in saver.list(config):
                where = stored.config["configurable"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
                place = f"{THREAD}/{where['checkpoint_ns']}/{where['checkpoint_id']}"
                for name, channel, value in stored.pending_writes or ():
                    if channel == "lumo:calls":
                        keys.add(f"{place}/{name.partition(':')[0]}/{value['key']}")
        return keys

    def _judge(self, result: dict[str, Any] | None) -> None:
        effects = self._effects()
        by_key = Counter(key for key, _ in effects)
        by_text = {text: {key for key, other in effects if other == text} for _, text in effects}
        self.outcome.effects = len(effects)
        self.outcome.unknown = len(self._unknown)
        for key, count in by_key.items():
            self.outcome.repeated += count - 1
            if count > 1 + self._unknown[key]:
                self.outcome.faults.append(f"{key} is there {count} times, and was unknown {self._unknown[key]} times")
        numbers = {int(text.partition("-")[2]) for text in by_text}
        if result is None or result["outcome"] != "answered":
            self.outcome.faults.append(f"it ended as {result!r}")
        elif result["answer"] != task.EXPECTED:
            self.outcome.faults.append(f"the variables are {result['answer']!r}")
        elif missing := set(range(task.EFFECTS)) - numbers - task.MAY_BE_MISSING:
            self.outcome.faults.append(f"calls {sorted(missing)!r} were never made")
        if self._victim in {"host", "postgres"} and (
            twice := [text for text, keys in by_text.items() if len(keys) > 1]
        ):
            self.outcome.faults.append(f"{twice!r} were made by two actions")
