"""What the two transports and the session above them share."""

from typing import TypeAlias

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

MAX_MESSAGE_BYTES = 24 * 1024 * 1024
"""The most one message may have: the largest result that a tool may return, and how JSON writes it."""

Incoming: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing: TypeAlias = MemoryObjectSendStream[SessionMessage]
Streams: TypeAlias = tuple[Incoming, Outgoing]


class EndedError(Exception):
    """A server, or the connection to it, has ended. Its message says how: `it ended with exit code 3`."""


class ClosedError(EndedError):
    """There are no more messages. Why that is, another exception may say better."""


def too_large() -> str:
    """What is said of a message that has more than it may."""
    return f"its answer has more than {MAX_MESSAGE_BYTES // 2**20} MiB: ask for less"
