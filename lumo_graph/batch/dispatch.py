"""Give tasks to workers, and what a lost worker had to others."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lumo_graph.batch.results import BatchResult, Progress, Status
from lumo_graph.batch.tasks import BatchTask, thread_of
from lumo_graph.errors import ExecutorError, LumoGraphError

_MOST_ATTEMPTS = 4
_ALONE_AFTER = 2
"""Losses after which a task gets a worker of its own: it may be the one that kills them."""
_MOST_OPENINGS = 3
"""Failed attempts in a row to have a worker."""


class WorkerLostError(LumoGraphError):
    """A worker is gone: its process was killed, or its machine is lost."""


class Worker(Protocol):
    """A process, here or elsewhere, that drives several tasks at once."""

    async def drive(self, task: BatchTask, *, again: bool) -> BatchResult:
        """Drive a task.

        Raises:
            WorkerLostError: the worker is gone, and nobody drives the task any more.
        """
        ...

    async def stop(self) -> None:
        """End it; what it drives stops, and can be gone on with. May be called twice, and of one that is lost."""
        ...


class Workers(Protocol):
    """Where workers come from."""

    async def open(self, width: int) -> Worker:
        """A new worker for so many tasks at once.

        Raises:
            WorkerLostError: it was gone before it could do anything.
        """
        ...

    async def close(self) -> None:
        """There will be no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    task: BatchTask
    again: bool
    attempts: int = 0


class _Seat:
    """The place of one worker; where it is lost another takes it."""

    def __init__(self, workers: Workers, width: int) -> None:
        self.width = width
        self._workers = workers
        self._worker: Worker | None = None
        self._lock = asyncio.Lock()

    async def worker(self) -> Worker:
        async with self._lock:
            for attempt in range(_MOST_OPENINGS):
                if self._worker is not None:
                    break
                try:
                    self._worker = await self._workers.open(self.width)
                except WorkerLostError as error:
                    if attempt == _MOST_OPENINGS - 1:
                        raise ExecutorError(f"No worker can be started: {error}") from error
            assert self._worker is not None  # noqa: S101 - or it has raised
            return self._worker

    async def lose(self, worker: Worker) -> bool:
        """Have another one next time; whether this one had the place."""
        async with self._lock:
            if self._worker is not worker:
                return False
            await worker.stop()
            self._worker = None  # only now: a lane that is cancelled meanwhile leaves it to `close`
            return True

    async def close(self) -> None:
        if self._worker is not None:
            await self._worker.stop()


class Dispatch:
    """A batch on its way.

    Args:
        workers: where workers come from.
        batch: its name.
        widths: how many tasks each worker drives at once.
        on_progress: is told after every change.
    """

    def __init__(
        self, workers: Workers, batch: str, widths: Sequence[int], on_progress: Callable[[Progress], object] | None
    ) -> None:
        self._batch = batch
        self._seats = [_Seat(workers, width) for width in widths]
        self._workers = workers
        self._on_progress = on_progress
        self._jobs: deque[_Job] = deque()
        self._out: asyncio.Queue[BatchResult | BaseException] = asyncio.Queue()
        self._counts: Counter[Status] = Counter()
        self._total = self._running = self._lost = 0

    async def results(self, tasks: Sequence[BatchTask], *, again: bool) -> AsyncGenerator[BatchResult, None]:
        """What becomes of the tasks, in the order in which they end.

        Raises:
            ExecutorError: no worker can be had.
        """
        self._total = len(tasks)
        self._jobs.extend(_Job(task=task, again=again) for task in tasks)
        lanes = [asyncio.create_task(self._lane(seat)) for seat in self._seats for _ in range(seat.width)]
        try:
            for _ in tasks:
                found = await self._out.get()
                if isinstance(found, BaseException):
                    raise found
                self._counts[found.status] += 1
                self._tell()
                yield found
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            await asyncio.gather(*(seat.close() for seat in self._seats), return_exceptions=True)
            await self._workers.close()

    async def _lane(self, seat: _Seat) -> None:
        try:
            while self._jobs:
                await self._next(seat, self._jobs.popleft())
        except Exception as error:  # noqa: BLE001 - it is raised where the results are awaited
            self._out.put_nowait(error)

    async def _next(self, seat: _Seat, job: _Job) -> None:
        if job.attempts >= _ALONE_AFTER:
            seat = _Seat(self._workers, 1)
        worker = await seat.worker()
        self._running += 1
        self._tell()
        try:
            done = await worker.drive(job.task, again=job.again)
        except WorkerLostError as error:
            was_first = await seat.lose(worker)  # of those that it leaves: others may be told meanwhile
            self._lost += was_first
            self._retry(job, error)
        else:
            self._out.put_nowait(replace(done, attempts=job.attempts + 1))
        finally:
            self._running -= 1
            if job.attempts >= _ALONE_AFTER:
                await seat.close()

    def _retry(self, job: _Job, error: WorkerLostError) -> None:
        attempts = job.attempts + 1
        if attempts < _MOST_ATTEMPTS:
            self._jobs.appendleft(_Job(task=job.task, again=True, attempts=attempts))
            return
        text = f"{attempts} workers were lost while they drove it. The last: {error} The run is kept: resume goes on."
        self._out.put_nowait(
            BatchResult(
                id=job.task.id,
                thread_id=thread_of(self._batch, job.task.id),
                error=text,
                error_type=type(error).__name__,
                task=job.task.digest,
                attempts=attempts,
            )
        )

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(
                Progress(total=self._total, counts=dict(self._counts), running=self._running, lost=self._lost)
            )
