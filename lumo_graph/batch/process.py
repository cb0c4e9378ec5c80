"""The process of a local worker: drives what it is sent until the other end closes the socket."""

import asyncio
import pickle
import socket
import sys

from lumo_graph.batch.driving import drive
from lumo_graph.batch.frames import read_message, send_message
from lumo_graph.batch.sending import sendable
from lumo_graph.batch.tasks import BatchTask
from lumo_graph.batch.work import Work, dumped, unpacked

_GRACE_SECONDS = 15.0


async def work(connection: socket.socket) -> None:
    """Drive tasks until the other end is gone. What runs then is cancelled: its run is kept, and can be resumed."""
    reader, writer = await asyncio.open_connection(sock=connection)
    given = unpacked(await read_message(reader))
    await send_message(writer, dumped(None))
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            task, again = await read_message(reader)
            started = asyncio.create_task(_drive(given, task, writer, again=again))
            running.add(started)
            started.add_done_callback(running.discard)
    except EOFError:
        for one in running:
            one.cancel()
        if running:
            await asyncio.wait(running, timeout=_GRACE_SECONDS)
        writer.close()


async def _drive(given: Work, task: BatchTask, writer: asyncio.StreamWriter, *, again: bool) -> None:
    data = sendable(await drive(given, task, again=again))
    await send_message(writer, pickle.dumps((task.id, data)))


if __name__ == "__main__":
    asyncio.run(work(socket.socket(fileno=int(sys.argv[1]))))
