"""Drive one task of a batch to its end, or on from where it was left. Runs in the process of a worker."""

import time
from typing import Any, cast

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from lumo_graph.batch.results import BatchResult
from lumo_graph.batch.tasks import BatchTask, thread_of
from lumo_graph.batch.work import Work
from lumo_graph.checkpoints import aopen_checkpointer, summary_of
from lumo_graph.errors import ConfigurationError, ThreadBusyError
from lumo_graph.events import RunResult
from lumo_graph.options import AgentOptions
from lumo_graph.runs import aresume, arun

_OF_A_RUN = ("agent_type", "limits", "history")
"""What a run knows by itself when it is gone on with."""


async def drive(work: Work, task: BatchTask, *, again: bool) -> BatchResult:
    """Run a task.

    Args:
        work: the agent and the store.
        task: of the batch.
        again: it may have been begun: go on with it, and give what it came to if it has ended. Tool calls that were
            made are not made again.
    """
    thread_id, begun = thread_of(work.batch, task.id), time.monotonic()
    try:
        result = await (_on(work, task, thread_id) if again else _new(work, task, thread_id))
    except Exception as error:  # noqa: BLE001 - one task that fails ends no other
        return BatchResult(
            id=task.id,
            thread_id=thread_id,
            error=str(error),
            error_type=type(error).__name__,
            seconds=time.monotonic() - begun,
            task=task.digest,
        )
    seconds = time.monotonic() - begun
    return BatchResult(id=task.id, thread_id=thread_id, result=result, seconds=seconds, task=task.digest)


async def _new(work: Work, task: BatchTask, thread_id: str) -> RunResult:
    options: dict[str, Any] = {**work.options, **task.options}
    return await arun(task.task, work.model, checkpointer=work.checkpointer, thread_id=thread_id, **options)


async def _on(work: Work, task: BatchTask, thread_id: str) -> RunResult:
    # Where a machine is lost, its database may take a while to notice, and keep the thread for it until then.
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(ThreadBusyError),
        stop=stop_after_delay(work.patience),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    ):
        with attempt:
            if not await _is_begun(work, task, thread_id):
                return await _new(work, task, thread_id)
            given: dict[str, Any] = {**work.options, **task.options}
            kept = {name: value for name, value in given.items() if name not in _OF_A_RUN}
            options = cast("AgentOptions", kept)
            return await aresume(thread_id, work.model, checkpointer=work.checkpointer, **options)
    raise AssertionError("an attempt returns or raises")


async def _is_begun(work: Work, task: BatchTask, thread_id: str) -> bool:
    """Whether the thread holds this task."""
    async with aopen_checkpointer(work.checkpointer) as saver:
        assert saver is not None  # noqa: S101 - a URL is one
        stored = await saver.aget_tuple({"configurable": {"thread_id": thread_id}})
    if stored is None:
        return False
    found = summary_of(stored)
    if found is None or found.task != task.task:
        other = "nothing of an agent" if found is None else f"another task: {found.task[:80]!r}"
        raise ConfigurationError(
            f"The thread {thread_id!r} holds {other}. Give the task another id, or the batch another name."
        )
    return True
