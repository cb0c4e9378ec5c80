"""Workers that are actors of a Ray cluster."""

# Ray has no complete types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportUntypedFunctionDecorator=false

import asyncio
import os
import pickle
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, cast

from lumo_graph.batch.dispatch import WorkerLostError
from lumo_graph.batch.driving import drive
from lumo_graph.batch.results import BatchResult
from lumo_graph.batch.sending import received, sendable
from lumo_graph.batch.tasks import BatchTask
from lumo_graph.batch.work import Work, unpacked
from lumo_graph.checkpoints.urls import SqliteStore, parse_url, shown_url
from lumo_graph.errors import ConfigurationError


class Drives:
    """What an actor is: as many tasks at once as it is given, on its own event loop."""

    def __init__(self, work: bytes) -> None:
        self._work = unpacked(work)

    async def ready(self) -> int:
        """It has loaded what it was given; its process."""
        return os.getpid()

    async def drive(self, task: bytes, *, again: bool) -> bytes:
        """Drive a task."""
        return sendable(await drive(self._work, pickle.loads(task), again=again))  # noqa: S301 - of this batch


class RayWorkers:
    """Actors, spread over the nodes of a cluster.

    Args:
        work: what they are given, packed.
        address: of the cluster: `"auto"` for the one this machine belongs to, `"host:port"`, `"ray://host:10001"`, or
            `"local"` for one of this process alone.
        given: the same as it is: the name of the batch, and the store, which every node must reach.

    Raises:
        ConfigurationError: Ray is not installed, or there is no such cluster, or the store is a file.
    """

    def __init__(self, work: bytes, address: str, given: Work) -> None:
        if find_spec("ray") is None:
            raise ConfigurationError("Ray is not installed: pip install 'lumo-graph[ray]'.")
        import ray  # noqa: PLC0415 - the extra

        self._ray: Any = ray
        self._work, self._batch = work, given.batch
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
            except Exception as error:
                raise ConfigurationError(f"There is no Ray cluster at {address!r}: {error}") from error
        nodes = [node for node in cast("list[dict[str, Any]]", ray.nodes()) if node["Alive"]]
        self.processors = int(sum(node["Resources"].get("CPU", 0) for node in nodes)) or 1
        if isinstance(parse_url(given.checkpointer), SqliteStore) and len(nodes) > 1:
            raise ConfigurationError(
                f"{shown_url(given.checkpointer)!r} is a file, and the cluster has {len(nodes)} machines. Each must "
                "reach the store: give a postgresql:// URL."
            )

    async def open(self, width: int) -> "RayWorker":
        """An actor on some node."""
        made: Any = self._ray.remote(Drives)
        # A run waits more than it computes, so an actor asks for next to nothing; for nothing Ray does not spread.
        actor: Any = made.options(
            num_cpus=0.001, max_concurrency=width + 1, max_restarts=0, scheduling_strategy="SPREAD"
        ).remote(self._work)
        worker = RayWorker(self._ray, actor, self._batch)
        try:
            await worker.ready()
        except BaseException:  # nobody else knows of it yet
            await worker.stop()
            raise
        return worker

    async def close(self) -> None:
        """Leave the cluster, if this batch has joined it."""
        if self._is_ours:
            await asyncio.to_thread(self._ray.shutdown)


class RayWorker:
    """One actor."""

    def __init__(self, ray: Any, actor: Any, batch: str) -> None:
        self._ray = ray
        self._batch = batch
        self._actor = actor

    async def ready(self) -> None:
        """Wait until it has loaded what it was given."""
        await self._call(self._actor.ready.remote())

    async def drive(self, task: BatchTask, *, again: bool) -> BatchResult:
        """Have it drive a task."""
        return received(await self._call(self._actor.drive.remote(pickle.dumps(task), again=again)), task, self._batch)

    async def stop(self) -> None:
        """End it."""
        with suppress(Exception):  # it may be gone, and its node too
            await asyncio.to_thread(self._ray.kill, self._actor)

    async def _call(self, reference: Any) -> Any:
        try:
            return await reference
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            raise WorkerLostError(f"A worker on Ray is lost: {type(error).__name__}.") from error
