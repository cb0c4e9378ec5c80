"""Which control group can hold one for a session. What a machine has is read here; what follows is decided apart.

A group of its own bounds what all processes of a session use together, where the kernel's controllers of memory and
of processes can be had. Without them it still counts processor time exactly, holds still, and kills what no kill of
single processes may outrun.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WANTED = ("memory", "pids")
"""Controllers that bound a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group that one for a session may be made in."""

    path: Path
    writable: bool
    """Groups can be made in it, and processes moved into those."""
    enabled: frozenset[str]
    """Controllers that groups in it have."""
    possible: frozenset[str]
    """Controllers that they could have too, if this one says so."""
    ordinary: bool = True
    """It holds processes, not threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where the group of a session is made."""

    path: Path
    bounds: frozenset[str] = frozenset()
    """What it bounds, of the wanted."""
    enable: tuple[str, ...] = ()
    """Controllers to turn on there first."""

    def is_worth_it(self, *, counts: bool, contained: bool) -> bool:
        """Whether a group here is worth the time it takes to join one: about 10 ms, for which the kernel waits.

        Args:
            counts: processor time is limited.
            contained: the session has process ids of its own; then no group is needed to end all of it.
        """
        return bool(self.bounds) or counts or not contained


def choose(candidates: Sequence[Candidate]) -> Choice | str:
    """The candidate that bounds a session best, the first of those that are equal; or why there is none."""
    usable = [candidate for candidate in candidates if candidate.writable and candidate.ordinary]
    if not usable:
        return f"no rights to make a group in {' or '.join(str(candidate.path) for candidate in candidates)}"
    best = max(usable, key=lambda candidate: len((candidate.enabled | candidate.possible) & set(WANTED)))
    return Choice(
        path=best.path,
        bounds=(best.enabled | best.possible) & set(WANTED),
        enable=tuple(name for name in WANTED if name in best.possible - best.enabled),
    )


def find_own(mounts: str, groups: str) -> tuple[Path, Path] | str:
    """Where this process's own group lies.

    Args:
        mounts: text of /proc/self/mountinfo.
        groups: text of /proc/self/cgroup.

    Returns:
        The root of what is mounted of the groups, and the directory of its own; or why it has none.
    """
    own = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), None)
    if own is None:
        return "no cgroup v2 in this kernel"
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] != "cgroup2":
            continue
        shown, place = (_unescape(field) for field in fields.split(" ")[3:5])
        if own == shown or own.startswith(shown.rstrip("/") + "/"):
            return Path(place), Path(place) / own[len(shown.rstrip("/")) :].lstrip("/")
    return "no cgroup v2 is mounted where this process could see its own group"


def survey(root: Path, own: Path) -> list[Candidate]:
    """What can be said about a group and the one it is in.

    Args:
        root: of all groups that are in sight.
        own: the group of this process.
    """
    found = [own] if own == root else [own, own.parent]
    return [_look_at(path) for path in found if path.is_dir()]


def _look_at(path: Path) -> Candidate:
    control, procs = path / "cgroup.subtree_control", path / "cgroup.procs"
    kind = _read(path / "cgroup.type")
    # A group with processes of its own cannot share controllers out; but for the very first, which has no type.
    empty = not kind or not _read(procs).split()
    return Candidate(
        path=path,
        writable=os.access(path, os.W_OK | os.X_OK) and os.access(procs, os.W_OK),
        enabled=frozenset(_read(control).split()),
        possible=frozenset(_read(path / "cgroup.controllers").split() if empty and os.access(control, os.W_OK) else ()),
        ordinary=kind.strip() in ("", "domain"),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _unescape(field: str) -> str:
    return field.encode("ascii", "backslashreplace").decode("unicode_escape") if "\\" in field else field
