"""Output of an action as it arrives: head and tail are kept, the middle is counted."""

import codecs
from collections import deque

_HALF = 100_000


class Capture:
    """Keeps the first and the last 100,000 characters of a stream of bytes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head: list[str] = []
        self._head_room = _HALF
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._dropped = 0

    def add(self, data: bytes, *, final: bool = False) -> str:
        """Take bytes; returns their text, empty once the head is full."""
        text = self._decoder.decode(data, final)
        head, rest = text[: self._head_room], text[self._head_room :]
        if head:
            self._head.append(head)
            self._head_room -= len(head)
        if rest:
            self._keep_tail(rest)
        return head

    def text(self) -> str:
        """All of it, or head and tail with the count of what is left out between them."""
        self.add(b"", final=True)
        tail = "".join(self._tail)
        cut = len(tail) - _HALF
        if cut > 0:
            tail = tail[cut:]
        dropped = self._dropped + max(cut, 0)
        note = f"\n... [{dropped} characters left out] ...\n" if dropped else ""
        return "".join(self._head) + note + tail

    def _keep_tail(self, text: str) -> None:
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) > _HALF:
            left = self._tail.popleft()
            self._tail_size -= len(left)
            self._dropped += len(left)
