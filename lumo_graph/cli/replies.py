"""A model's reply while it comes: its prose line by line, the code in it only counted."""

import re
from collections.abc import Iterator

_OPENS = re.compile(r"\s*(?:(?P<fence>`{3,}|~{3,})|<(?P<tag>code|python|tool_code)>)", re.IGNORECASE)
_MAY_OPEN = re.compile(r"\s*(?:[`~]{0,2}|<\w{0,9})$")


class Reply:
    """Splits a stream of tokens. Code is left out of the prose because it is shown as a whole, when it runs."""

    def __init__(self) -> None:
        self._line = ""
        self._closing: str | None = None
        self._blank = 0
        self.lines: list[str] = []
        """The prose so far."""

    def feed(self, text: str) -> Iterator[str]:
        """Take in a token; the lines of prose that it completes. Blank lines come with the line after them."""
        *complete, self._line = (self._line + text).split("\n")
        for line in complete:
            yield from self._take(line)

    def end(self) -> Iterator[str]:
        """What is left when the reply has ended."""
        line, self._line = self._line, ""
        if line:
            yield from self._take(line)

    @property
    def in_code(self) -> bool:
        """Whether the reply is within a block of code."""
        return self._closing is not None

    @property
    def partial(self) -> str:
        """The line of prose that is being written."""
        hidden = self.in_code or _OPENS.match(self._line) or _MAY_OPEN.fullmatch(self._line)
        return "" if hidden else self._line

    @property
    def prose(self) -> str:
        """All the prose, without the line that is being written, and without blank lines around it."""
        return "\n".join(self.lines).strip()

    def _take(self, line: str) -> Iterator[str]:
        if self._closing is not None:
            if self._closing in line.lower():
                self._closing = None
        elif opening := _OPENS.match(line):
            closing = opening["fence"] or f"</{opening['tag'].lower()}>"
            self._closing = None if closing in line[opening.end() :].lower() else closing
        elif not line.strip():
            self._blank += bool(self.lines)
        else:
            found = [*[""] * self._blank, line]
            self._blank = 0
            self.lines += found
            yield from found
