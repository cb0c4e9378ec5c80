"""Docstrings in Google's style: the text, and what it says of each argument."""

import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_HEADER = re.compile(r"(args|arguments|params|parameters|keyword args|keyword arguments):\s*", re.IGNORECASE)
_ENTRY = re.compile(r"(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """A docstring without its section on arguments, and that section."""

    text: str
    arguments: Mapping[str, str]
    """Argument to its description, on one line."""


def read_docstring(text: str, known: Collection[str]) -> Docstring:
    """Take the descriptions of arguments out of a docstring.

    Args:
        text: the docstring, as written.
        known: names of the parameters. A section that names none of them is not about arguments and stays.

    Returns:
        The rest of the text, and the description of each known parameter.
    """
    kept: list[str] = []
    arguments: dict[str, str] = {}
    lines = inspect.cleandoc(text).splitlines()
    at = 0
    while at < len(lines):
        if not _HEADER.fullmatch(lines[at]):
            kept.append(lines[at])
            at += 1
            continue
        end = _end_of_section(lines, at + 1)
        found = {name: said for name, said in _read_section(lines[at + 1 : end]).items() if name in known}
        if found:
            arguments |= found
        else:
            kept += lines[at:end]
        at = end
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in kept)).strip()
    return Docstring(text=body, arguments=arguments)


def _end_of_section(lines: list[str], start: int) -> int:
    for at in range(start, len(lines)):
        if lines[at].strip() and not lines[at][0].isspace():
            return at
    return len(lines)


def _read_section(lines: list[str]) -> dict[str, str]:
    entries: dict[str, str] = {}
    indent: int | None = None
    current = ""
    for line in lines:
        if not line.strip():
            continue
        entry = _ENTRY.fullmatch(line)
        if entry and (indent is None or len(entry[1]) <= indent):
            indent = len(entry[1])
            current = entry[2]
            entries[current] = entry[3].strip()
        elif current:
            entries[current] = f"{entries[current]} {line.strip()}".strip()
    return entries
