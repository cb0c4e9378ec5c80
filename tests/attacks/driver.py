"""Runs attacks behind one jail, in this process, and prints what came of each as JSON.

    python -m tests.attacks.driver JAIL FOLDER [ID ...]

For each attack a session is started, attacked, saved, restored in another session, and attacked again there. After each
attack the next action of its thread must work. What is found stands under one of two heads: `escapes` is what got out;
`faults` is what the host must not be put through, such as a wait beyond the limit.
"""

import faulthandler
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lumo_graph.dialects import observe_execution
from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors import launch, restoring
from lumo_graph.executors import session as sessions
from lumo_graph.executors.jail.plan import NAMESPACES, LayerError
from lumo_graph.executors.restoring import Attempts, Furniture
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.executors.worker.text import bounded_repr
from lumo_graph.types import Execution, Limits, Parameter, ToolReply, ToolRequest, ToolSpec
from tests.attacks.attacks import Attack, load_attacks
from tests.attacks.headings import headings
from tests.attacks.jails import JAILS
from tests.attacks.stakes import CANARY, PACKAGES, SECRET, Stakes
from tests.watching import processes_below, until

LIMITS = Limits(memory_mb=256, disk_mb=8)
TOOLS = (
    ToolSpec(name="search", parameters=(Parameter(name="query"),)),
    ToolSpec(name="fetch", parameters=(Parameter(name="url"),), is_async=True),
    ToolSpec(name="page", parameters=(Parameter(name="name"),)),
)
AFTER = 1.0
"""Seconds that an action may take beyond its limit."""
_AT_ONCE = 6
_TRIES = 4
_CLOSE_SECONDS = 6.0
_GONE_SECONDS = 10.0
_HANGS_SECONDS = 500.0


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of one attack."""

    id: str
    runs: int = 0
    escapes: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])
    seconds: float = 0.0
    late: list[str] = field(default_factory=list[str])
    """Too long, perhaps because the machine was busy: to be tried again alone."""


class Trial:
    """One attack behind one jail."""

    def __init__(self, attack: Attack, jail: str, stakes: Stakes) -> None:
        self.result = Result(id=attack.id)
        self._attack = attack
        self._jail = jail
        self._stakes = stakes
        self._code = stakes.fill(attack.code)
        self._page = stakes.fill(attack.tool_result)
        self._seen: list[str] = []
        self._served: list[ToolRequest] = []

    def run(self) -> Result:
        """Attack a new session, and one that is restored from it."""
        started = time.monotonic()
        saved: dict[str, bytes] = {}
        for stage in ("fresh", "restored"):
            before = len(self.result.faults)
            try:
                saved = self._attack_session(stage, saved)
            except Exception as failure:  # whatever the host raises is a finding
                self.result.faults.append(f"{stage}: the host failed: {failure!r}")
            if len(self.result.faults) > before:
                break
        self.result.seconds = time.monotonic() - started
        return self.result

    def _attack_session(self, stage: str, namespace: Mapping[str, bytes]) -> dict[str, bytes]:
        self.result.runs += 1
        with self._opened(stage, namespace) as session:
            if session is None:
                return {}
            self._attack_once(stage, session)
            changed = self._save(session)
            if changed is not None and session.alive:
                self._go_on(stage, session)
            else:
                session.close()
                self._go_on_anew(stage)
            saved = {} if changed is None else changed
        self._look(stage)
        return saved

    def _attack_once(self, stage: str, session: ProcessSession) -> None:
        self._check(stage, self._execute(stage, session, self._code, self._attack.seconds))

    def _execute(self, stage: str, session: ProcessSession, code: str, seconds: float) -> Execution:
        started = time.monotonic()
        done = session.execute(code, seconds=seconds, serve=self._serve, write=self._write)
        took = time.monotonic() - started
        if took > seconds + AFTER + _slack():
            what = "the action" if code is self._code else "the next action"
            self.result.late.append(f"{stage}: {what} took {took:.2f} s, its limit is {seconds:g} s")
        return done

    def _check(self, stage: str, done: Execution) -> None:
        self._seen.append(repr(done.to_dict()))
        for line in done.stdout.splitlines():
            if line.startswith("ESCAPED"):
                self.result.escapes.append(f"{stage}: {line[:200]}")
        observation = observe_execution(done, limit=30_000)
        self._seen.append(observation)
        if len(observation) > 30_000:
            self.result.faults.append(f"{stage}: an observation of {len(observation)} characters")
        if self._attack.tool_result:
            self._check_quoted(stage, done, observation)

    def _check_quoted(self, stage: str, done: Execution, observation: str) -> None:
        # What a tool gave is data: the value is its text to the letter, and the observation has the parts it would have
        # with any other text.
        if done.error is None and (done.value is None or done.value.json != self._page):
            self.result.escapes.append(f"{stage}: the tool's text arrived as {done.value!r}")
        if done.answer is not None:
            self.result.escapes.append(f"{stage}: the tool's text has given an answer")
        expected = ["Observation:"]
        expected += ["stdout:"] if done.stdout.strip() else []
        expected += ["value of the last expression (str):"] if done.value else []
        expected += [f"error: {done.error.kind} on line {done.error.line}"] if done.error else []
        if headings(observation) != expected:
            self.result.escapes.append(f"{stage}: its observation reads {headings(observation)}")

    def _save(self, session: ProcessSession) -> dict[str, bytes] | None:
        # As a node does after each action that was not undone.
        if not session.alive:
            return None
        try:
            snapshot = session.snapshot()
        except SnapshotError as failure:
            self._seen.append(str(failure))
            return None
        saved = {name: blob for name, blob in snapshot.changed.items() if blob is not None}
        self._seen += [f"{name}{blob!r}" for name, blob in saved.items()]
        self._seen.append(repr(snapshot.unsaved))
        return saved

    def _go_on(self, stage: str, session: ProcessSession) -> None:
        said = ""
        for _ in range(_TRIES):
            if not session.alive:
                session.close()
                self._go_on_anew(stage)
                return
            done = self._execute(stage, session, "1 + 1", 1.0)
            self._seen.append(repr(done.to_dict()))
            if done.value is not None and done.value.json == 2 and done.error is None:
                return
            if self._attack.stubborn or (
                done.error is not None and not done.rolled_back and self._fails_to_save(session)
            ):
                session.close()
                self._go_on_anew(stage)
                return
            said = str(done.error or done.value)[:300]
        self.result.faults.append(f"{stage}: the next action did not work: {said}")

    def _fails_to_save(self, session: ProcessSession) -> bool:
        try:
            session.snapshot()
        except ExecutorError:
            return True
        return False

    def _go_on_anew(self, stage: str) -> None:
        with self._opened(stage, {}) as fresh:
            if fresh is None:
                self.result.faults.append(f"{stage}: no other session could be opened")
                return
            done = fresh.execute("1 + 1", seconds=5.0, serve=self._serve)
            if done.value is None or done.value.json != 2:
                self.result.faults.append(f"{stage}: the next action did not work in another session: {done.error}")

    @contextmanager
    def _opened(self, stage: str, namespace: Mapping[str, bytes]) -> Generator[ProcessSession | None]:
        try:
            session = open_session(self._jail, namespace)
        except SnapshotError as failure:  # what was saved cannot be loaded: the thread has its earlier snapshot
            self._seen.append(str(failure))
            self._go_on_anew(stage)
            yield None
            return
        self._seen.append(repr(session.lost))
        workplace = _workplace(session) if NAMESPACES not in JAILS[self._jail] else None
        try:
            if session.alive:
                yield session
            else:  # what was restored has ended it already
                self._go_on_anew(stage)
                yield None
        finally:
            started = time.monotonic()
            session.close()
            if (took := time.monotonic() - started) > _CLOSE_SECONDS:
                self.result.late.append(f"{stage}: closing took {took:.1f} s")
            if workplace and not _is_gone(workplace):
                self.result.faults.append(f"{stage}: {workplace} was left behind")

    def _look(self, stage: str) -> None:
        for text in self._seen:
            if CANARY in text:
                self.result.escapes.append(f"{stage}: a secret of the host: ...{text[:300]}")
                break
        self._seen.clear()
        self.result.escapes += [f"{stage}: {damage}" for damage in self._stakes.damages()]
        for request in self._served:
            if request.name not in {tool.name for tool in TOOLS} or not isinstance(request.args, dict):
                self.result.escapes.append(f"{stage}: a call of {request.name} was served")
        self._served.clear()

    def _serve(self, request: ToolRequest) -> ToolReply:
        if len(self._served) < 1000:
            self._served.append(request)
            self._seen.append(bounded_repr(dict(request.args), 5000))
        return ToolReply(value=self._page if request.name == "page" else dict(request.args))

    def _write(self, _stream: str, text: str) -> None:
        self._seen.append(text)


def open_session(jail: str, namespace: Mapping[str, bytes]) -> ProcessSession:
    """A session behind a jail, with as much of a namespace as can be restored.

    Raises:
        LayerError: this machine does not give the jail.
        SnapshotError: the namespace cannot be loaded.
    """
    attempts = Attempts(namespace, memory_mb=LIMITS.memory_mb)
    while True:
        started = launch.start_behind(JAILS[jail], {}, Settings(), LIMITS)
        link = started.link
        try:
            restored = attempts.furnish(link, Furniture(tools=[launch._describe_tool(tool) for tool in TOOLS]))
        except BaseException:
            link.control.kill()
            link.close()
            raise
        if restored is not None:
            return ProcessSession(link, started.isolation, TOOLS, memory_mb=LIMITS.memory_mb, restored=restored)
        link.control.kill()
        link.close()


def run_attacks(jail: str, folder: Path, attacks: Sequence[Attack]) -> dict[str, Any]:
    """Run them, several at once where they may be, and look for what is left when all are over."""
    packages = folder / PACKAGES
    packages.mkdir()
    packages.chmod(0o755)
    sys.path.append(str(packages))  # sessions may read it, like any other folder of packages
    os.environ[SECRET] = CANARY
    open_session(jail, {}).close()
    stakes = [Stakes(folder, packages) for _ in range(_AT_ONCE)]
    known = processes_below(os.getpid())
    started = time.monotonic()
    try:
        results = _try_all(jail, attacks, stakes)
    finally:
        for one in stakes:
            one.close()
    return {
        "results": [asdict(result) for result in results],
        "left": _left_behind(known),
        "seconds": time.monotonic() - started,
        "threads": threading.active_count(),
    }


def _try_all(jail: str, attacks: Sequence[Attack], stakes: Iterable[Stakes]) -> list[Result]:
    ready: SimpleQueue[Stakes] = SimpleQueue()
    for one in stakes:
        ready.put(one)

    def run(attack: Attack) -> Result:
        mine = ready.get()
        try:
            return Trial(attack, jail, mine).run()
        finally:
            ready.put(mine)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = list(pool.map(run, [attack for attack in attacks if not attack.alone]))
    results += [run(attack) for attack in attacks if attack.alone]
    by_id = {attack.id: attack for attack in attacks}
    return [run(by_id[result.id]) if result.late and not result.faults else result for result in results]


def _slack() -> float:
    # Seconds more, on a machine with more to do than it has processors.
    return 0.75 * min(max(os.getloadavg()[0] / (os.cpu_count() or 1) - 1, 0), 12)


def _workplace(session: ProcessSession) -> str:
    done = session.execute("import os\nos.getcwd()", seconds=5.0, serve=lambda _: ToolReply())
    return str(done.value.json) if done.value else ""


def _is_gone(path: str) -> bool:
    until = time.monotonic() + _GONE_SECONDS
    while Path(path).exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _left_behind(known: Iterable[int]) -> list[str]:
    until(lambda: processes_below(os.getpid()) <= set(known))
    return [_describe_process(pid) for pid in processes_below(os.getpid()) - set(known)]


def _describe_process(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()[:80]
    except OSError:
        return str(pid)


def main(jail: str, folder: str, *names: str) -> None:
    """Run the attacks that are named, else all that may be tried behind this jail."""
    faulthandler.dump_traceback_later(_HANGS_SECONDS, exit=True)
    # A value that blocks while it is saved or loaded costs all of this time, and there are several.
    sessions._SNAPSHOT_SECONDS = 2.0
    restoring._SECONDS = 4.0
    attacks = [attack for attack in load_attacks() if attack.runs_at(jail) and (not names or attack.id in names)]
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as mine:
        Path(mine).chmod(0o755)
        try:
            outcome = run_attacks(jail, Path(mine), attacks)
        except LayerError as failure:
            outcome = {"missing": f"{failure.layer}: {failure.reason}"}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
