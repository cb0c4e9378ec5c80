"""An executor of your own: here one that keeps a record of all code, around the one with the jail.

    pip install 'lumo-graph[openai]'
    OPENAI_API_KEY=... python custom_executor.py

Anything with `packages` and `open` is an executor, and whatever it opens is a session: in a container of yours, on
another machine, for another interpreter. `lumo_graph.testing.check_executor` holds it to the contract.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lumo_graph import Execution, Executor, Limits, Session, run
from lumo_graph.executors import ProcessExecutor
from lumo_graph.isolation import Isolation
from lumo_graph.types import Serve, Snapshot, Sources, ToolSpec, Write

MODEL = os.environ.get("LUMO_MODEL", "openai:gpt-4.1-nano")
BASE_URL = os.environ.get("LUMO_BASE_URL")


class AuditedSession:
    """A session that writes down what it is asked to run, and how that ended."""

    def __init__(self, session: Session, record: Path) -> None:
        self._session = session
        self._record = record

    @property
    def isolation(self) -> Isolation:
        """That of the session inside."""
        return self._session.isolation

    @property
    def alive(self) -> bool:
        """Whether the session inside is."""
        return self._session.alive

    def execute(
        self, code: str, *, seconds: float, serve: Serve, write: Write | None = None, sources: Sources | None = None
    ) -> Execution:
        """Run it, and write it down."""
        done = self._session.execute(code, seconds=seconds, serve=serve, write=write, sources=sources)
        with self._record.open("a", encoding="utf-8") as record:
            print(f"# {done.error.kind if done.error else 'done'}\n{code.strip()}\n", file=record)
        return done

    def interrupt(self) -> None:
        """Stop what runs."""
        self._session.interrupt()

    def snapshot(self) -> Snapshot:
        """What changed."""
        return self._session.snapshot()

    def close(self) -> None:
        """End it."""
        self._session.close()


class AuditedExecutor:
    """Opens audited sessions."""

    deterministic = True  # as the one inside: it takes `sources`

    def __init__(self, executor: Executor, record: Path) -> None:
        self._executor = executor
        self._record = record

    @property
    def packages(self) -> Sequence[str]:
        """What the model is told it may import."""
        return self._executor.packages

    def open(
        self,
        namespace: Mapping[str, bytes] | None = None,
        *,
        tools: Sequence[ToolSpec] = (),
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
    ) -> Session:
        """A session of the executor inside, audited."""
        return AuditedSession(self._executor.open(namespace, tools=tools, limits=limits, files=files), self._record)


if __name__ == "__main__":
    audit = Path("audit.py.txt")
    result = run(
        "What is the 20th Fibonacci number?",
        MODEL,
        base_url=BASE_URL,
        agent_type="code-agent",
        executor=AuditedExecutor(ProcessExecutor(), audit),
    )
    print(result.answer)
    print(audit.read_text(encoding="utf-8").strip())
