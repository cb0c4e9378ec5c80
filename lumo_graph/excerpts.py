"""Parts of long text that say how much is left out."""

import re
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

_ESCAPE_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def shorten(text: str, limit: int) -> str:
    """The text if it has at most `limit` characters, else its head and its tail around a count of what is missing.

    Args:
        text: any text.
        limit: characters of the result, never exceeded.
    """
    if len(text) <= limit:
        return text
    gap = "\n" if "\n" in text else " "
    room = limit - len(_marker(len(text), gap))
    if room < len(gap) * 2:
        return f"{text[: limit - 1]}…" if limit > 0 else ""
    head = (room + 1) // 2
    tail = room - head
    return text[:head] + _marker(len(text) - head - tail, gap) + text[len(text) - tail :]


def _marker(count: int, gap: str) -> str:
    return f"{gap}... [{count:,} characters left out] ...{gap}"


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most `limit` characters."""
    # Cut first: whitespace is collapsed in what is kept, not in megabytes.
    return shorten(" ".join(shorten(text, limit * 4).split()), limit)


def readable(text: str) -> str:
    """The text as a terminal would leave it: no escape codes, overwritten progress bars gone, only valid characters."""
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    if "\x1b" in text:
        text = _ESCAPE_CODE.sub("", text)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be sent to a provider
    return _UNPRINTABLE.sub("", text)


def fair_shares(sizes: Sequence[int], room: int) -> list[int]:
    """How much of `room` each size gets: the small ones all they need, the large ones equal parts of the rest."""
    shares = [0] * len(sizes)
    left = max(0, room)
    by_size = sorted(range(len(sizes)), key=sizes.__getitem__)
    for waiting, position in zip(range(len(sizes), 0, -1), by_size, strict=True):
        shares[position] = min(sizes[position], left // waiting)
        left -= shares[position]
    return shares


def bullets(items: Collection[T], write: Callable[[T], str], *, count: int, width: int) -> str:
    """A list of at most `count` of the items, each on a line of at most `width` characters, and how many are left out.

    Args:
        items: what to list.
        write: makes the line of an item; not called for those left out.
        count: lines.
        width: characters of a line.
    """
    shown = [f"- {one_line(write(item), width)}" for item in islice(items, count)]
    if len(items) > count:
        shown.append(f"- and {len(items) - count:,} more")
    return "\n".join(shown)
