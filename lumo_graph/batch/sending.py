"""A result on its way from a worker: as bytes, whatever the answer is, and back."""

import pickle
from dataclasses import replace
from typing import cast

from lumo_graph.batch.results import BatchResult
from lumo_graph.batch.tasks import BatchTask, thread_of
from lumo_graph.batch.work import dumped


def sendable(result: BatchResult) -> bytes:
    """The result as bytes; if it cannot be sent, an error that says so."""
    try:
        return dumped(result)
    except Exception as error:  # noqa: BLE001 - whatever an answer of somebody's class raises
        text = f"It has ended, and its result cannot be sent: {error}. It is in its thread."
        return dumped(replace(result, result=None, error=text, error_type=type(error).__name__))


def received(data: bytes, task: BatchTask, batch: str) -> BatchResult:
    """The inverse; if it cannot be read here, an error that says so."""
    try:
        return cast("BatchResult", pickle.loads(data))  # noqa: S301 - of a worker of our own
    except Exception as error:  # noqa: BLE001 - a class that this process does not have, for example
        return BatchResult(
            id=task.id,
            thread_id=thread_of(batch, task.id),
            error=f"It has ended, and its result cannot be read here: {error}. It is in its thread.",
            error_type=type(error).__name__,
            task=task.digest,
        )
