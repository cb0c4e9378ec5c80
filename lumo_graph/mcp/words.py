"""What a server says beside the protocol, kept for the day it fails: bounded, readable, without its secrets."""

from collections import deque
from collections.abc import Iterable

from lumo_graph.excerpts import readable, shorten

_LINES, _LINE_BYTES = 12, 400
_SHORTEST_SECRET = 6
_SHOWN = 2_000


class LastWords:
    """The last lines of a server's stderr, and of what it wrote to stdout that is no message.

    Args:
        secrets: values of its environment or headers, which it may repeat.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        self._lines: deque[bytes] = deque(maxlen=_LINES)
        self._open = b""

    def hear(self, data: bytes) -> None:
        """Add what was read. However much it is, only its end is kept."""
        *lines, rest = (self._open + data[-_LINES * _LINE_BYTES :]).split(b"\n")
        self._lines.extend(line[:_LINE_BYTES] for line in lines[-_LINES:] if line.strip())
        self._open = rest[-_LINE_BYTES:]

    def hear_line(self, line: bytes) -> None:
        """Add a line that is whole."""
        if line.strip():
            self._lines.append(line[:_LINE_BYTES])

    def text(self) -> str:
        """The lines as text, the last one last; empty if there are none."""
        rest = [self._open] if self._open.strip() else []
        told = readable("\n".join(line.decode("utf-8", "replace").rstrip() for line in [*self._lines, *rest]))
        return shorten(self.without_secrets(told), _SHOWN)

    def without_secrets(self, text: str) -> str:
        """A text without the server's secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
