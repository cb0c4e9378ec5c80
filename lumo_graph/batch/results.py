"""What became of the tasks of a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from lumo_graph.batch.tasks import BatchTask, thread_of
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import RunResult

Status: TypeAlias = Literal["answered", "limit", "waiting", "stopped", "failed"]
"""`answered`; ended at a `limit`; `waiting` for a person; `stopped` in good order, to be resumed; `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one task."""

    id: str
    thread_id: str
    result: RunResult | None = None
    """What its run came to; None if it failed."""
    error: str | None = None
    error_type: str | None = None
    """Class of the error, such as `ModelError`."""
    seconds: float = 0.0
    """How long it took where it came to its end; what was done before a loss is not counted."""
    task: str = ""
    """Digest of the task, so that another one with its id is told from it."""
    attempts: int = 1
    """How often it was begun or gone on with: more than once where a process or a machine was lost."""

    @property
    def status(self) -> Status:
        """How it stands."""
        if self.result is None:
            return "failed"
        if self.result.outcome == "answered":
            return "answered"
        if self.result.pending:
            return "waiting"
        return "stopped" if self.result.outcome in {"interrupted", "cancelled"} else "limit"

    def to_dict(self) -> dict[str, Any]:
        """As a line of the results: JSON data."""
        about: dict[str, Any] = {"id": self.id, "thread_id": self.thread_id, "status": self.status}
        about |= {"task": self.task}
        if (result := self.result) is None:
            about |= {"error": {"type": self.error_type, "message": self.error}}
        else:
            about |= {
                "answer": result.answer,
                "outcome": result.outcome,
                "steps": len(result.steps),
                "usage": {**asdict(result.usage), "total_tokens": result.usage.total_tokens},
                "artifacts": [file.name for file in result.artifacts],
                "pending": [dict(question) for question in result.pending],
            }
        return {**about, "seconds": round(self.seconds, 3), "attempts": self.attempts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a batch is."""

    total: int
    counts: Mapping[Status, int]
    """Of the tasks that have ended."""
    running: int
    lost: int
    """Processes or machines that were lost."""

    @property
    def done(self) -> int:
        """Tasks that have come to something."""
        return sum(self.counts.values())


FINISHED: frozenset[str] = frozenset({"answered", "limit"})
"""What need not be gone on with."""


def unfinished(tasks: Sequence[BatchTask], batch: str, lines: Iterable[Mapping[str, Any]]) -> list[BatchTask]:
    """The tasks of a batch of whose end the lines of its results do not tell; the last line of a task counts.

    Raises:
        ConfigurationError: a line is of another batch, or of another task with the same id.
    """
    last = {str(line.get("id")): line for line in lines}
    left: list[BatchTask] = []
    for task in tasks:
        told = last.get(task.id, {})
        if told and told.get("thread_id") != thread_of(batch, task.id):
            raise ConfigurationError(
                f"The results tell of the thread {told.get('thread_id')!r}, and the task {task.id!r} of the batch "
                f"{batch!r} has another one. Name the file of this batch."
            )
        if told.get("task") not in {None, "", task.digest}:
            raise ConfigurationError(
                f"The results tell of another task with the id {task.id!r}. Give it another id, or the batch another "
                "name and file."
            )
        if told.get("status") not in FINISHED:
            left.append(task)
    return left
