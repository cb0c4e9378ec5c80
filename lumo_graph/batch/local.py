"""Workers that are processes of this machine."""

import asyncio
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from lumo_graph.batch.dispatch import WorkerLostError
from lumo_graph.batch.frames import read_message, send_message
from lumo_graph.batch.results import BatchResult
from lumo_graph.batch.sending import received
from lumo_graph.batch.tasks import BatchTask

_GRACE_SECONDS = 20.0


class LocalWorkers:
    """Starts processes, each with a loop of its own.

    Args:
        work: what they are given, packed.
        batch: its name.
    """

    def __init__(self, work: bytes, batch: str) -> None:
        self._work = work
        self._batch = batch

    async def open(self, width: int) -> "LocalWorker":
        """Start one. It drives as many tasks at once as it is given."""
        del width
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "lumo_graph.batch.process",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_descriptor() else None,
                start_new_session=True,  # Ctrl-C is for who has started the batch
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = LocalWorker(process, reader, writer, self._batch)
        try:
            await send_message(writer, pickle.dumps(self._work))
            await worker.ready()
        except BaseException:  # nobody else knows of it yet
            await worker.stop()
            raise
        return worker

    async def close(self) -> None:
        """Each ends by itself."""


class LocalWorker:
    """One process, and what it drives."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        batch: str,
    ) -> None:
        self.process = process
        self._batch = batch
        self._writer = writer
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._is_lost = False
        self._reading = asyncio.create_task(self._read(reader))

    async def ready(self) -> None:
        """Wait until it has loaded what it was given."""
        await self._ready

    async def drive(self, task: BatchTask, *, again: bool) -> BatchResult:
        """Have it drive a task."""
        if self._is_lost:
            raise self._loss()
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[task.id] = future
        try:
            await send_message(self._writer, pickle.dumps((task, again)))
            return received(await future, task, self._batch)
        finally:
            self._waiting.pop(task.id, None)

    async def stop(self) -> None:
        """Let it stop what it drives, and end."""
        self._writer.close()  # it ends when its end of the socket does
        try:
            await asyncio.wait_for(self.process.wait(), _GRACE_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        self._reading.cancel()
        with suppress(asyncio.CancelledError, Exception):  # whatever it was, it is over
            await self._reading
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                message: Any = await read_message(reader)
                if message is None:
                    self._ready.set_result(None)
                    continue
                task_id, data = message
                if (future := self._waiting.get(task_id)) is not None and not future.done():
                    future.set_result(data)
        except EOFError:
            await self.process.wait()
        finally:
            self._is_lost = True
            for future in (self._ready, *self._waiting.values()):
                if not future.done():
                    future.set_exception(self._loss())
                    future.exception()  # whoever does not wait any more need not be told

    def _loss(self) -> WorkerLostError:
        code = self.process.returncode
        how = f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
        return WorkerLostError(f"The worker process {self.process.pid} ended {how}.")


def _has_descriptor() -> bool:
    """Whether stderr is a file, which it is not in every notebook."""
    try:
        sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True
