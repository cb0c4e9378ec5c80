"""Messages between this process and a worker that it has started: a length, then a pickle. Both ends are ours."""

import asyncio
import pickle
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")


async def read_message(reader: asyncio.StreamReader) -> Any:
    """The next message.

    Raises:
        EOFError: the other end is gone.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return pickle.loads(await reader.readexactly(length))  # noqa: S301 - a process of our own, of the same user
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise EOFError("The other end is gone.") from error


async def send_message(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send one, which is a pickle already. That the other end is gone is seen by who reads."""
    try:
        writer.write(_LENGTH.pack(len(data)) + data)
        await writer.drain()
    except ConnectionError:
        return
