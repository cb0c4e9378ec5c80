"""Messages on a stream: a length, then msgpack of plain data. The cap is checked before anything is read."""

from collections.abc import Callable
from typing import Any, cast

import msgpack

# Kept here: what code does to the module afterwards does not reach them. The package has no types.
_packb = cast("Callable[[Any], bytes]", msgpack.packb)  # pyright: ignore[reportUnknownMemberType]
_unpackb = cast("Callable[..., Any]", msgpack.unpackb)  # pyright: ignore[reportUnknownMemberType]

TO_WORKER_CAP = 32 << 20
"""Bytes of one message from the host."""
TO_HOST_CAP = 8 << 20
"""Bytes of one message from a session. Smaller: decoded, hostile bytes can take 60 times their size."""
MAX_PARTS = 1_000_000
"""Values in one message, those in containers included: an empty dict takes one byte here and 64 when it is decoded."""
CHUNK = 4 << 20
"""Bytes of one part of something longer, such as a snapshot."""

_HEADER = 4


class FrameError(Exception):
    """What arrived is not a message. The stream cannot be trusted any more."""


class FrameTooLargeError(Exception):
    """A message is over the cap and was not sent."""

    def __init__(self, size: int, cap: int) -> None:
        super().__init__(f"{mebibytes(size)} is more than the {mebibytes(cap)} that can be sent at once")
        self.size = size
        self.cap = cap


def mebibytes(size: int) -> str:
    """A size in bytes as a person reads it."""
    return f"{size / (1 << 20):.1f} MiB"


def pack(message: list[Any], cap: int) -> bytes:
    """One message as bytes, its length first.

    Raises:
        FrameTooLargeError: it is over `cap` bytes.
        TypeError, ValueError, OverflowError: it is not plain data.
    """
    body = _packb(message)
    if len(body) > cap:
        raise FrameTooLargeError(len(body), cap)
    return len(body).to_bytes(_HEADER, "big") + body


class Frames:
    """Cuts a stream into messages."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._buffer = bytearray()

    @property
    def missing(self) -> int:
        """Bytes until the next message is complete, as far as that is known: what may be read for it alone."""
        if (here := len(self._buffer)) < _HEADER:
            return _HEADER - here
        return _HEADER + int.from_bytes(self._buffer[:_HEADER], "big") - here

    @property
    def incomplete(self) -> int:
        """Bytes of a message that is not all there yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[list[Any]]:
        """Messages that are complete now that `data` has arrived.

        Raises:
            FrameError: a message is malformed or over the cap.
        """
        buffer = self._buffer
        buffer += data
        messages: list[list[Any]] = []
        start = 0
        while len(buffer) - start >= _HEADER:
            size = int.from_bytes(buffer[start : start + _HEADER], "big")
            if size > self._cap:
                raise FrameError(f"a message of {size} bytes; the cap is {self._cap}")
            end = start + _HEADER + size
            if len(buffer) < end:
                break
            messages.append(_unpack(bytes(buffer[start + _HEADER : end])))
            start = end
        if start:
            del buffer[:start]
        return messages


_SIZES = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4,  # bytes and texts: the size of their length
    0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,  # lists and dicts: the size of their count
}  # fmt: skip
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_FIRST_LIST_CODE, _FIRST_DICT_CODE = 0xDC, 0xDE


def _check_parts(body: bytes) -> None:
    # Looks at the codes only, before anything is made of them. What is malformed is left to the decoder.
    at, left, parts, end = 0, 1, 0, len(body)
    while left and at < end:
        parts += 1
        if parts > MAX_PARTS:
            raise FrameError(f"a message of more than {MAX_PARTS} parts")
        code = body[at]
        at += 1
        left -= 1
        if code < 0x80 or code >= 0xE0:  # noqa: PLR2004 - small numbers
            continue
        if code < 0x90:  # noqa: PLR2004 - a small dict
            left += 2 * (code & 0x0F)
        elif code < 0xA0:  # noqa: PLR2004 - a small list
            left += code & 0x0F
        elif code < 0xC0:  # noqa: PLR2004 - a short text
            at += code & 0x1F
        elif size := _SIZES.get(code):
            count = int.from_bytes(body[at : at + size], "big")
            at += size
            if code >= _FIRST_DICT_CODE:
                left += 2 * count
            elif code >= _FIRST_LIST_CODE:
                left += count
            else:
                at += count
        else:
            at += _FIXED.get(code, 0)


def _refuse(code: int, data: bytes) -> object:
    raise FrameError(f"extension type {code} of {len(data)} bytes")


def _unpack(body: bytes) -> list[Any]:
    if len(body) > MAX_PARTS:
        _check_parts(body)
    try:
        message: Any = _unpackb(body, strict_map_key=False, ext_hook=_refuse, max_ext_len=0)
    except Exception as failure:  # msgpack has many, and hostile bytes find them all
        raise FrameError(f"not a message: {failure}") from failure
    if type(message) is not list or not message or type(message[0]) is not str:  # pyright: ignore[reportUnknownArgumentType] - being checked
        raise FrameError("not a message: no list that begins with its kind")
    return message  # pyright: ignore[reportUnknownVariableType] - a list, checked above
