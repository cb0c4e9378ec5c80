"""A server as a process: messages over its standard streams, and no process left behind.

The SDK's own transport keeps the process to itself: no exit code, no bound on a line, and what the server has started
outlives it. The protocol above the streams is the SDK's.
"""

import asyncio
import os
import re
import signal
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCMessage
from pydantic import ValidationError
from typing_extensions import override

from lumo_graph.mcp.servers import Program
from lumo_graph.mcp.streams import MAX_MESSAGE_BYTES, EndedError, Streams, too_large
from lumo_graph.mcp.words import LastWords

_CHUNK = 64 * 1024
_LEAVE_SECONDS = 1.0
"""What a server has to end after its stdin is closed, and again after it is asked to."""
_DRAIN_SECONDS = 0.5
_ID = re.compile(rb'^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\b|"id"\s*:\s*(\d{1,18})\s*\}\s*$')
"""Where a message says what it answers: at its beginning or at its end, as every SDK writes it."""


class _Protocol(SubprocessStreamProtocol):
    """Knows when the process has ended. `Process.wait` waits for its pipes too, and others may hold them open."""

    def __init__(self) -> None:
        super().__init__(limit=_CHUNK, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    @override
    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """A process, and its streams."""

    transport: asyncio.SubprocessTransport
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    exited: asyncio.Event


@asynccontextmanager
async def started(program: Program, words: LastWords) -> AsyncGenerator[Streams, None]:
    """Start a server, and end it with all that it has started.

    Args:
        program: the server.
        words: hears its stderr, and what it prints that is no message.

    Raises:
        EndedError: it cannot be started, or has ended.
    """
    process = await _start(program)
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    work = [
        asyncio.create_task(_read_messages(process, incoming, words)),
        asyncio.create_task(_read_words(process, words)),
        asyncio.create_task(_write_messages(process, outgoing)),
    ]
    try:
        yield read, write
    finally:
        code = process.transport.get_returncode()
        try:
            await _end(process)
        finally:
            for task in work:
                task.cancel()
            unreadable, *_ = await asyncio.gather(*work, return_exceptions=True)
            process.transport.close()
            for stream in (incoming, read, write, outgoing):
                stream.close()
        if isinstance(unreadable, Exception):
            raise unreadable
        if code is not None:
            raise EndedError(_describe_exit(code))


async def _start(program: Program) -> _Started:
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            _Protocol,
            program.command,
            *program.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(program.env),
            cwd=program.cwd,
            start_new_session=True,  # a group of its own: a Ctrl-C is not for it, and it can be ended as a whole
        )
    except (OSError, ValueError) as error:
        raise EndedError(f"it cannot be started: {error}") from error
    assert protocol.stdin and protocol.stdout and protocol.stderr  # noqa: S101, PT018 - pipes were asked for
    return _Started(
        transport=transport,
        stdin=protocol.stdin,
        stdout=protocol.stdout,
        stderr=protocol.stderr,
        exited=protocol.exited,
    )


async def _read_messages(
    process: _Started, incoming: MemoryObjectSendStream[SessionMessage | Exception], words: LastWords
) -> None:
    """Pass its messages on; at the end of its output, or of itself, close the stream."""
    exited, lines = asyncio.create_task(process.exited.wait()), _Lines()
    try:
        async with incoming:
            while data := await _read(process, exited):
                for line in lines.add(data):
                    if (message := _message(line, words)) is not None:
                        await incoming.send(message)
            await asyncio.wait({exited}, timeout=_DRAIN_SECONDS)  # so that its exit code is known
    finally:
        exited.cancel()


async def _read(process: _Started, exited: "asyncio.Task[Any]") -> bytes:
    """What comes next; nothing at the end. What it has started may hold its stdout open for longer than it lives."""
    reading = asyncio.ensure_future(process.stdout.read(_CHUNK))
    try:
        await asyncio.wait({reading, exited}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await asyncio.wait({reading}, timeout=_DRAIN_SECONDS)
        return reading.result() if reading.done() else b""
    finally:
        reading.cancel()


async def _read_words(process: _Started, words: LastWords) -> None:
    while data := await process.stderr.read(_CHUNK):
        words.hear(data)


async def _write_messages(process: _Started, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
    async with outgoing:
        async for sent in outgoing:
            text = sent.message.model_dump_json(by_alias=True, exclude_none=True)
            with suppress(ConnectionError):  # it has ended: whoever reads its output hears of it
                process.stdin.write(f"{text}\n".encode())
                await process.stdin.drain()


@dataclass(frozen=True, slots=True)
class _Line:
    data: bytes
    """All of it; of one that is too long its beginning and its end."""
    too_long: bool


class _Lines:
    """Bytes as lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> list[_Line]:
        """The lines that are whole now."""
        *whole, rest = data.split(b"\n")
        found: list[_Line] = []
        for part in whole:
            self._keep(part)
            found.append(_Line(b"".join(self._parts), self._size > MAX_MESSAGE_BYTES))
            self._parts, self._size = [], 0
        self._keep(rest)
        return found

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_MESSAGE_BYTES:
            # The first time all of it is joined, and from then on its two ends and what has come.
            kept = b"".join(self._parts)
            self._parts = [kept[:_CHUNK], kept[-_CHUNK:]] if len(kept) > 2 * _CHUNK else [kept]


def _message(line: _Line, words: LastWords) -> SessionMessage | None:
    if line.too_long:
        if (found := _ID.search(line.data[:_CHUNK]) or _ID.search(line.data[-_CHUNK:])) is None:
            raise EndedError("it sent a message that is too large, and that answers nothing")
        refusal = JSONRPCError(
            jsonrpc="2.0", id=int(found[1] or found[2]), error=ErrorData(code=INTERNAL_ERROR, message=too_large())
        )
        return SessionMessage(JSONRPCMessage(refusal))
    try:
        return SessionMessage(JSONRPCMessage.model_validate_json(line.data))
    except ValidationError:
        words.hear_line(line.data)  # many print there what belongs to stderr
        return None


async def _end(process: _Started) -> None:
    """End a server as the protocol has it: its stdin is closed, then it is asked to, then it is killed."""
    group = process.transport.get_pid()
    try:
        process.stdin.close()
        if not await _has_ended(process):
            _signal_all(group, signal.SIGTERM)
            await _has_ended(process)
    finally:
        _signal_all(group, signal.SIGKILL)  # whatever it has started too
        await _has_ended(process)


async def _has_ended(process: _Started) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(process.exited.wait(), _LEAVE_SECONDS)
    return process.exited.is_set()


def _signal_all(group: int, order: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, order)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    with suppress(ValueError):
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it was ended by signal {-code}"
