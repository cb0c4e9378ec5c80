"""The tasks of a batch: read, checked and named before anything runs. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from lumo_graph.errors import ConfigurationError
from lumo_graph.storable import whole_characters

OPTIONS = ("agent_type", "limits", "history", "system_prompt", "response_format", "planning_interval", "files")
"""What a task may say for itself."""
_MOST_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTask:
    """One task of a batch."""

    id: str
    """Its name in the batch; its thread is named by both."""
    task: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Options of its own run, over those of the batch: some of `OPTIONS`."""

    @property
    def digest(self) -> str:
        """Tells this task from another one with its id."""
        return hashlib.sha256(self.task.encode()).hexdigest()[:16]


TaskLike: TypeAlias = str | Mapping[str, Any] | BatchTask


def parse_lines(lines: Iterable[str]) -> list[BatchTask]:
    """Tasks as JSON lines: `{"id": ..., "task": ..., ...}`, or a task alone as a JSON string. Empty lines count not.

    Raises:
        ConfigurationError: a line cannot be used; names it.
    """
    given: list[tuple[int, TaskLike]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
        except ValueError as error:
            raise ConfigurationError(
                f'Line {number} is no JSON ({error}): {line.strip()[:80]!r}. Write {{"id": ..., "task": ...}}.'
            ) from None
        given.append((number, value))
    return _named(given, "Line")


def tasks_of(given: Iterable[TaskLike]) -> list[BatchTask]:
    """Tasks as texts, as mappings with a `task`, or as `BatchTask`s; one without an id is named by its number.

    Raises:
        ConfigurationError: one cannot be used; names it.
    """
    if isinstance(given, (str, Mapping)):
        raise ConfigurationError(f"tasks must be a list of tasks, not {given!r:.80}.")
    return _named(list(enumerate(given, 1)), "Task")


def thread_of(batch: str, task_id: str) -> str:
    """The thread of a task."""
    return f"{batch}:{task_id}"


def check_batch_name(name: object) -> str:
    """The name of a batch, if it can be one.

    Raises:
        ConfigurationError: it cannot.
    """
    if (
        not isinstance(name, str)
        or not name.strip()
        or ":" in name
        or not name.isprintable()
        or len(name) > _MOST_CHARS
    ):
        raise ConfigurationError(f"A batch needs a name without ':', such as 'reports-may', not {name!r:.80}.")
    return name


def _named(given: list[tuple[int, TaskLike]], what: str) -> list[BatchTask]:
    tasks = [_task(value, number, what) for number, value in given]
    if not tasks:
        raise ConfigurationError("There is no task in the batch.")
    seen: dict[str, int] = {}
    for (number, _), task in zip(given, tasks, strict=True):
        if task.id in seen:
            raise ConfigurationError(
                f"{what} {number} has the id {task.id!r} of {what.lower()} {seen[task.id]}. Every id is one task's."
            )
        seen[task.id] = number
    return tasks


def _task(value: object, number: int, what: str) -> BatchTask:
    if isinstance(value, BatchTask):
        value = {"id": value.id, "task": value.task, **value.options}
    if isinstance(value, str):
        value = {"task": value}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f'{what} {number} must be a text or {{"task": ...}}, not {value!r:.80}.')
    fields = dict(cast("Mapping[str, Any]", value))
    task, name = fields.pop("task", None), fields.pop("id", number)
    if not isinstance(task, str) or not task.strip():
        raise ConfigurationError(f"{what} {number} says not what to do: its task is {task!r:.80}.")
    if unknown := sorted(set(fields) - set(OPTIONS)):
        raise ConfigurationError(f"{what} {number} has {unknown[0]!r}. A task has: id, task, {', '.join(OPTIONS)}.")
    return BatchTask(id=_id(name, number, what), task=whole_characters(task), options=fields)


def _id(name: object, number: int, what: str) -> str:
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > _MOST_CHARS:
        raise ConfigurationError(
            f"{what} {number} has the id {name!r:.80}. An id is a text of 1 to {_MOST_CHARS} signs."
        )
    return name
