"""What became of the tasks of a batch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

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


def finished_ids(lines: list[Mapping[str, Any]]) -> set[str]:
    """Of the lines of a results file, the ids whose last line is of a task that is finished."""
    last = {str(line.get("id")): line.get("status") for line in lines}
    return {name for name, status in last.items() if status in FINISHED}
