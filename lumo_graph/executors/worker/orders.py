"""What a host and the process that guards its session say to each other: a letter, and what belongs to it."""

import os
import socket
import sys
from array import array
from contextlib import suppress

INTERRUPT, KILL = b"i", b"k"
"""Send the session SIGINT; end it and everything it started."""
BEGIN = b"b"
"""An action begins, and a word stands for it: `b3f9c`. The copy that is frozen next is the one from before it."""
THAW = b"t"
"""Go back to the copy from before an action, `t3f9c`, which comes with a new data stream. Answered by `t1` or `t0`."""
ROUSE = b"r"
"""Something else than an action comes, such as a snapshot: the processes of the session go on."""
END = b"e"
"""Nothing is asked of the session any more: its processes are held still until something is. Without namespaces it is
answered, once the files of the session were looked at: by `e`, or by how the session was ended."""
OVER = b"o"
"""The action that stands for this word has used more processor time than it may: `o3f9c`. The host stops it."""
DIED = b"d"
"""The session's process has ended, with this exit status: `d-9`; or was ended for what it used: `d-9 memory`."""
FOR_MEMORY, FOR_DISK = b" memory", b" disk"
"""What it was ended for, behind the status of `DIED`."""

MOST = 256
"""Bytes of one message."""
_MOST_DESCRIPTORS = 4
_PACKETS = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_STREAM


def make_stream() -> tuple[socket.socket, socket.socket]:
    """Two ends of a stream of orders."""
    return socket.socketpair(socket.AF_UNIX, _PACKETS)


def send(stream: socket.socket, message: bytes, *descriptors: int, flags: int = 0) -> None:
    """Send a message, with descriptors to go with it.

    Raises:
        BlockingIOError: there is no room for it, and `flags` say not to wait.
    """
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
    stream.sendmsg([message], rights, flags | socket.MSG_NOSIGNAL)


def died(status: int, reason: bytes = b"") -> bytes:
    """The message that the session's process has ended.

    Args:
        status: its exit status, negative for a signal.
        reason: `FOR_MEMORY` or `FOR_DISK`, if it was ended for what it used.
    """
    return DIED + str(status).encode() + reason


def tell(stream: socket.socket, message: bytes) -> None:
    """Send a message to somebody who may be gone."""
    with suppress(OSError):
        send(stream, message)


def receive(stream: socket.socket, flags: int = 0) -> tuple[bytes, list[int], int | None]:
    """The next message, the descriptors that came with it, and who sent it, where the stream was made to tell.

    An empty message: there will be none any more.

    Raises:
        BlockingIOError: none is there, and `flags` say not to wait.
    """
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4) + socket.CMSG_SPACE(12)
    try:
        message, ancillary, _, _ = stream.recvmsg(MOST, room, flags | socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        raise
    except OSError:
        return b"", [], None  # one that ends with unread messages is reset, not closed
    descriptors: list[int] = []
    sender = None
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            descriptors.extend(array("i", content[: len(content) // 4 * 4]))
        elif kind == socket.SCM_CREDENTIALS:
            sender = array("i", content)[0]
    return message, descriptors, sender


def discard(descriptors: list[int]) -> None:
    """Close descriptors that nobody wants."""
    for descriptor in descriptors:
        os.close(descriptor)
