"""`map` and `amap`: a batch from its tasks to its results."""

import asyncio
import os
import queue
import threading
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Unpack, cast

from langchain_core.language_models import BaseChatModel

from lumo_graph.agents import check_agent, request_for
from lumo_graph.batch.dispatch import Dispatch, Workers
from lumo_graph.batch.local import LocalWorkers
from lumo_graph.batch.results import BatchResult, Progress
from lumo_graph.batch.tasks import BatchTask, TaskLike, check_batch_name, tasks_of, thread_of
from lumo_graph.batch.work import Work, packed
from lumo_graph.checkpoints import open_checkpointer
from lumo_graph.checkpoints.urls import MemoryStore, parse_url
from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits
from lumo_graph.options import AgentOptions, RunOptions
from lumo_graph.types import AgentTypeName


class BatchOptions(AgentOptions, total=False):
    """What the runs of a batch have in common."""

    agent_type: AgentTypeName
    """As for `run`; a task may say another one."""
    limits: Limits | dict[str, Any] | None
    """Of each run."""


def map(  # noqa: A001 - batch.map
    tasks: Iterable[TaskLike],
    model: str | BaseChatModel,
    *,
    checkpointer: str,
    name: str | None = None,
    concurrency: int = 8,
    processes: int | None = None,
    ray: str | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
    **options: Unpack[BatchOptions],
) -> Generator[BatchResult, None, None]:
    """Run many tasks, and give what becomes of them in the order in which they end.

    Each task is a run with a thread of its own in the store. A process or a machine that is lost loses nothing: its
    runs are gone on with elsewhere, from their checkpoints, and tool calls that had returned are not made again.
    Everything is checked before anything runs. Leaving the iteration stops what runs; `resume=True` goes on with it.

    Args:
        tasks: texts, or mappings with a `task` and, if they like, an `id` and options of their own (`agent_type`,
            `limits`, `history`, `files`, ...). Without an id a task is named by its number.
        model: a chat model, or its name as `"openai:gpt-4.1-nano"`.
        checkpointer: the URL of the store. Over several machines it must be a database.
        name: of the batch; the thread of a task is `NAME:ID`. Needed to resume it.
        concurrency: how many tasks run at once, all workers together.
        processes: of workers; as many as there are processors unless given.
        ray: address of a Ray cluster (extra `ray`), such as `"auto"`; None: processes of this machine.
        resume: go on with a batch: what has ended gives its result again, everything else is finished.
        on_progress: is told how far it is, after every change and from another thread. What it raises ends the batch.
        **options: see `BatchOptions`. What cannot be pickled cannot be given; agents cannot.

    Raises:
        ConfigurationError: something cannot be used as given, or has been run before and is not to be resumed.
        ExecutorError: no worker can be started.
    """
    prepared = _prepare(tasks, model, checkpointer, name, concurrency, processes, ray, resume, options)
    return _mapped(prepared, on_progress)


def amap(
    tasks: Iterable[TaskLike],
    model: str | BaseChatModel,
    *,
    checkpointer: str,
    name: str | None = None,
    concurrency: int = 8,
    processes: int | None = None,
    ray: str | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
    **options: Unpack[BatchOptions],
) -> AsyncGenerator[BatchResult, None]:
    """`map` for an event loop. Leave it with `aclosing`, or it stops when Python finds the time."""
    prepared = _prepare(tasks, model, checkpointer, name, concurrency, processes, ray, resume, options)
    return _dispatched(prepared, on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A batch that has been checked."""

    tasks: Sequence[BatchTask]
    work: Work
    packed: bytes
    """The work, as workers are given it."""
    concurrency: int
    processes: int | None
    ray: str | None
    resume: bool

    def workers(self) -> tuple[Workers, list[int]]:
        """Where workers come from, and how many tasks each drives at once."""
        if self.ray is None:
            return LocalWorkers(self.packed, self.work.batch), self._widths(os.cpu_count() or 1)
        from lumo_graph.batch.on_ray import RayWorkers  # noqa: PLC0415 - the extra

        workers = RayWorkers(self.packed, self.ray, self.work)
        return workers, self._widths(workers.processors)

    def _widths(self, processors: int) -> list[int]:
        lanes = min(self.concurrency, len(self.tasks))
        count = min(self.processes or processors, lanes)
        return [lanes // count + (number < lanes % count) for number in range(count)]


def _prepare(  # noqa: PLR0917 - the arguments of `map`, checked
    tasks: Iterable[TaskLike],
    model: str | BaseChatModel,
    checkpointer: str,
    name: str | None,
    concurrency: int,
    processes: int | None,
    ray: str | None,
    resume: bool,  # noqa: FBT001 - same
    options: BatchOptions,
) -> _Prepared:
    if not isinstance(checkpointer, str) or isinstance(parse_url(checkpointer), MemoryStore):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"A batch needs a store that every process reaches, such as 'sqlite:///runs.db', not {checkpointer!r}."
        )
    if resume and name is None:
        raise ConfigurationError("resume=True needs the name of the batch: name='reports-may'.")
    if ray is not None and (not isinstance(ray, str) or not ray.strip()):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"ray must be the address of a cluster, such as 'auto', not {ray!r}.")
    batch = check_batch_name(f"batch-{uuid.uuid4().hex[:8]}" if name is None else name)
    checked = tasks_of(tasks)
    for task in checked:
        given: dict[str, Any] = {"checkpointer": checkpointer, **options, **task.options}
        try:
            request_for(task.task, cast("RunOptions", given))
        except ConfigurationError as error:
            raise ConfigurationError(f"Task {task.id!r}: {error}") from None
    check_agent(model, options)
    work = Work(batch=batch, model=model, options=options, checkpointer=checkpointer)
    prepared = _Prepared(
        tasks=checked,
        work=work,
        packed=packed(work),
        concurrency=_count("concurrency", concurrency),
        processes=None if processes is None else _count("processes", processes),
        ray=ray,
        resume=resume,
    )
    if not resume:
        _refuse_begun(checkpointer, batch, checked)
    return prepared


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name} must be a whole number from 1 on, not {value!r}.")
    return value


def _refuse_begun(checkpointer: str, batch: str, tasks: Sequence[BatchTask]) -> None:
    """No second run in the thread of a task that has been begun."""
    with open_checkpointer(checkpointer) as saver:
        assert saver is not None  # noqa: S101 - a URL is one
        for task in tasks:
            if saver.get_tuple({"configurable": {"thread_id": thread_of(batch, task.id)}}) is not None:
                raise ConfigurationError(
                    f"The task {task.id!r} of the batch {batch!r} has been begun before. Go on with the batch "
                    "(resume=True, on the command line --resume), or give it another name."
                )


async def _dispatched(
    prepared: _Prepared, on_progress: Callable[[Progress], object] | None
) -> AsyncGenerator[BatchResult, None]:
    workers, widths = await asyncio.to_thread(prepared.workers)
    dispatch = Dispatch(workers, prepared.work.batch, widths, on_progress)
    async with aclosing(dispatch.results(prepared.tasks, again=prepared.resume)) as results:
        async for result in results:
            yield result


def _mapped(
    prepared: _Prepared, on_progress: Callable[[Progress], object] | None
) -> Generator[BatchResult, None, None]:
    """The same from a loop in a thread of its own: the batch goes on while somebody looks at a result."""
    results: queue.Queue[BatchResult | BaseException | None] = queue.Queue()
    loop, begun = asyncio.new_event_loop(), threading.Event()
    pumps: list[asyncio.Task[None]] = []

    async def pump() -> None:
        try:
            async with aclosing(_dispatched(prepared, on_progress)) as found:
                async for result in found:
                    results.put(result)
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are awaited
            results.put(error)
        finally:
            results.put(None)

    def run() -> None:
        asyncio.set_event_loop(loop)
        pumps.append(loop.create_task(pump()))
        begun.set()
        try:
            loop.run_until_complete(pumps[0])
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="lumo-graph-batch")
    try:
        thread.start()
        begun.wait()
        while (found := results.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        if thread.is_alive():
            begun.wait()
            loop.call_soon_threadsafe(pumps[0].cancel)
        if thread.ident is not None:
            thread.join()
