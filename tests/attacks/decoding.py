"""Everything the host makes of bytes from a session, in one function: what fuzzers call."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgpack

from lumo_graph.executors.checking import (
    parse_call,
    parse_component,
    parse_done,
    parse_file,
    parse_text,
    parse_thawed,
    parse_unfrozen,
    parse_unsaved,
)
from lumo_graph.executors.frames import FrameError, Frames, pack
from lumo_graph.types import Parameter, ToolSpec

CAP = 1 << 16
TOOLS = {
    "search": ToolSpec(name="search", parameters=(Parameter(name="query"), Parameter(name="top", default="3"))),
    "now": ToolSpec(name="now"),
}
_PARSERS: dict[str, Callable[[list[Any]], object]] = {
    "call": lambda message: parse_call(message, TOOLS),
    "done": parse_done,
    "component": parse_component,
    "file": parse_file,
    "snapped": parse_unsaved,
    "ready": parse_unsaved,
    "refused": parse_text,
    "unfrozen": parse_unfrozen,
    "thawed": parse_thawed,
}
VALUE = {"kind": "list", "preview": "[1, 2]", "json": [1, 2.5, None, {"a": "b", "é": []}]}
ERROR = {
    "kind": "NameError", "message": "name 'totl' is not defined", "line": 3, "source": "totl", "traceback": "",
    "values": {"total": "3"}, "near": ["total"],
}  # fmt: skip
DONE = {
    "value": VALUE, "answer": None, "error": None, "variables": {"rows": "list (2)"}, "changed": {"rows": "added"},
    "threads": ["worker"], "processes": 0, "clock": b"\x00\x02",
}  # fmt: skip
VALID: tuple[list[Any], ...] = (
    ["done", 1, DONE],
    ["done", 2, {**DONE, "value": None, "answer": VALUE, "error": ERROR}],
    ["call", 1, 1 << 33, "search", {"query": "tea", "top": [1, {"k": b"\x00"}]}, 4, True, bytes(12), b"\x00\x02"],
    ["call", 1, 7, "now", {}, None, True, b"", b""],
    ["component", "rows", b"\x80\x05", True],
    ["component", "rows", None, True],
    ["snapped", {"rows[3]": "cannot pickle 'generator' object"}],
    ["refused", "no"],
    ["unfrozen", 1, "too large"],
    ["thawed", ["worker"]],
    ["loading", None],
)
"""One message of every kind that a session sends, and of every shape."""


def parse(message: list[Any]) -> object:
    """Check one message, as the host does with its kind.

    Raises:
        FrameError: it is refused.
    """
    parser = _PARSERS.get(message[0])
    return message if parser is None else parser(message)


def decode(pieces: Iterable[bytes], cap: int = CAP) -> list[object]:
    """What comes out of a stream that arrives in pieces, up to where it is refused; "refused" stands for that."""
    frames = Frames(cap)
    made: list[object] = []
    for piece in pieces:
        try:
            messages = frames.feed(piece)
        except FrameError:
            return [*made, "refused"]
        for message in messages:
            try:
                made.append(parse(message))
            except FrameError:
                return [*made, "refused"]
    return made


def agree(whole: list[object], pieces: list[object]) -> bool:
    """Whether a stream gave the same in one piece as in several.

    What is complete before a message that is refused may get lost with it: the stream is given up either way.
    """
    if whole[-1:] == ["refused"]:
        return pieces[-1:] == ["refused"] and repr(pieces).startswith(repr(whole[:-1])[:-1])
    return repr(whole) == repr(pieces)  # not a number is unlike itself


def frame(body: bytes) -> bytes:
    """A body with the right length before it."""
    return len(body).to_bytes(4, "big") + body


def encode(message: Sequence[Any]) -> bytes:
    """A message as a session would send it, whatever it holds."""
    return frame(msgpack.packb(list(message), unicode_errors="surrogatepass"))


def valid_stream() -> bytes:
    """All valid messages, one behind the other."""
    return b"".join(pack(message, CAP) for message in VALID)
