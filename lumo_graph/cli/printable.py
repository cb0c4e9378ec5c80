"""Text from a model, a tool or a session, made safe to print. All of it is untrusted."""

import re

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# Everything that moves the cursor, talks to the terminal, or reorders what is read: C0 and C1 controls but tab and
# newline, line and paragraph separators, controls of text direction, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
)
_WIDTH = 160


def printable(text: str) -> str:
    r"""The text without colour codes, and with every other control character spelled out: `\x1b`."""
    text = _COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)


def one_line(text: str, width: int) -> str:
    """The text on one line of at most `width` characters."""
    text = " ".join(printable(text[: width * 4]).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def head(text: str, lines: int) -> str:
    """The first lines of a text, each cut to a bearable length, and a count of those left out."""
    found = [
        line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in printable(text).strip("\n").split("\n")
    ]
    if len(found) <= lines + 1:  # a line that says "1 more line" takes as much room as the line
        return "\n".join(found)
    return "\n".join([*found[:lines], f"… {len(found) - lines} more lines"])
