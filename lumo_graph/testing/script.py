"""A script of replies: handed out in order, complaining about a reply too many and a reply too few."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from langchain_core.messages import AIMessage, UsageMetadata

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


class ScriptError(AssertionError):
    """What happened is not what the script says. Never retried and never turned into another error."""


class Script(Generic[_Request, _Reply]):
    """Replies in order. Safe to use from several threads."""

    def __init__(self, replies: Iterable[_Reply]) -> None:
        self._replies: Sequence[_Reply] = tuple(replies)
        self._requests: list[_Request] = []
        self._complaints: list[str] = []
        self._lock = Lock()

    @property
    def requests(self) -> list[_Request]:
        """What the replies were taken for, in order."""
        with self._lock:
            return list(self._requests)

    def take(self, request: _Request, *, last_message: str) -> tuple[int, _Reply]:
        """The number of this call, from 1, and its reply.

        Raises:
            ScriptError: the script has no more replies.
        """
        with self._lock:
            self._requests.append(request)
            number = len(self._requests)
        if number > len(self._replies):
            plural = "y" if len(self._replies) == 1 else "ies"
            complaint = (
                f"the model was asked a {ordinal(number)} time, the script has {len(self._replies)} repl{plural}; "
                f"last message was {preview(last_message)!r}"
            )
            self.complain(complaint)
            raise ScriptError(complaint)
        return number, self._replies[number - 1]

    def complain(self, complaint: str) -> None:
        """Remember something that must fail the script at its end, whoever swallows it now."""
        with self._lock:
            self._complaints.append(complaint)

    def check(self) -> None:
        """Compare what happened with the script.

        Raises:
            ScriptError: something unexpected happened, or replies are left.
        """
        with self._lock:
            complaints = list(self._complaints)
            left = self._replies[len(self._requests) :]
        if left:
            complaints.append(
                f"{len(left)} of {len(self._replies)} replies were not asked for; next: {preview(left[0])}"
            )
        if complaints:
            raise ScriptError("; ".join(complaints))


def pieces(text: str) -> list[str]:
    """The text in pieces as a model streams it: words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def slices(text: str, size: int = 12) -> list[str]:
    """The text in pieces of equal length, as a model streams arguments."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def estimate_usage(prompt: str, reply: AIMessage) -> UsageMetadata:
    """A token count that depends on nothing but the lengths of the texts: four characters a token."""
    arguments = "".join(json.dumps(call["args"], default=str) for call in reply.tool_calls)
    sent, received = (math.ceil(len(text) / 4) for text in (prompt, reply.text + arguments))
    return UsageMetadata(input_tokens=sent, output_tokens=received, total_tokens=sent + received)


def ordinal(number: int) -> str:
    """The number as a word such as `3rd`."""
    teen = 10 <= number % 100 <= 20  # noqa: PLR2004 - 11th, 12th and 13th are irregular
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def preview(value: object, size: int = 120) -> str:
    """The start of a value's text, on one line."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= size else f"{text[:size]}…"
