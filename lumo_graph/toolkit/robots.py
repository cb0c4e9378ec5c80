"""What a site's robots.txt lets a program read (RFC 9309)."""

import re
from collections.abc import Iterator
from urllib.parse import quote

_LINE = re.compile(r"\s*(user-agent|allow|disallow)\s*:\s*([^#\r\n]*)", re.IGNORECASE)
_ESCAPED = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def allows(robots: str, agent: str, path: str) -> bool:
    """Whether a path may be read.

    Args:
        robots: text of robots.txt.
        agent: name of the program, without a version.
        path: path of the page and its query.

    Returns:
        What the longest rule says that fits the path; where two are equally long, the one that allows.
    """
    path = _normal(path)
    if path == "/robots.txt":
        return True
    verdicts = [(len(pattern), allowed) for allowed, pattern in _rules_for(robots, agent) if _fits(pattern, path)]
    return max(verdicts, default=(0, True))[1]


def _rules_for(robots: str, agent: str) -> list[tuple[bool, str]]:
    """The rules of all groups that name the program; of those for everyone if none does."""
    named: list[tuple[bool, str]] = []
    general: list[tuple[bool, str]] = []
    is_named = False
    for agents, allowed, pattern in _rules(robots):
        if agent.lower() in agents:
            is_named = True
            named += [(allowed, pattern)] if pattern else []
        elif "*" in agents and pattern:
            general.append((allowed, pattern))
    return named if is_named else general


def _rules(robots: str) -> Iterator[tuple[set[str], bool, str]]:
    """Each rule with the programs it is for, in lower case."""
    agents: set[str] = set()
    heads_group = False
    for line in robots.splitlines():
        if (match := _LINE.match(line)) is None:
            continue
        key, value = match[1].lower(), match[2].strip()
        if key == "user-agent":
            agents = agents if heads_group else set()
            agents.add(value.lower().partition("/")[0].strip())
            heads_group = True
        else:
            heads_group = False
            yield agents, key == "allow", _normal(value) if value else ""


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern with `*` for anything and a last `$` for the end fits the beginning of a path."""
    to_the_end = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    if not others:
        return not to_the_end or position == len(path)
    *middle, last = others
    for part in middle:
        position = path.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return len(path) - len(last) >= position and path.endswith(last) if to_the_end else last in path[position:]


def _normal(path: str) -> str:
    """A path with everything escaped that has to be, and nothing else."""
    escaped = quote(path, safe="%/?:@!$&'()*+,;=~[]")

    def shortest(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.match(character) else match[0].upper()

    return _ESCAPED.sub(shortest, escaped)
