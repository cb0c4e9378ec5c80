"""The sources of an action in its journal: stored before anything is done that follows from them.

A call may have been made though nobody has heard of its end. When its action runs again, the call has to come with the
same arguments, or it would be taken for another one: so what these may follow from is stored before the call is made,
the secret seed of the action and the times it has read. The rest is stored when the action is over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lumo_graph.types import Sources, join_clock


class Sourcing:
    """What one run of an action draws from, and what of it is stored. Not for several threads at once.

    Args:
        write: stores a value under a name of its own.
    """

    def __init__(self, write: Callable[[str, dict[str, Any]], None]) -> None:
        self._write = write
        self._sources: Sources | None = None
        self._run = 0
        self._count = 0
        self._stored = False
        self._reached = 0
        self._new: list[tuple[int, bytes]] = []

    @property
    def begun(self) -> bool:
        """Whether the action draws from sources."""
        return self._sources is not None

    def begin(self, stored: Sequence[Mapping[str, Any]]) -> Sources:
        """What the action is to draw from: what it drew from before, as far as that was stored, or something new.

        Args:
            stored: what earlier runs of it have written.
        """
        self._sources = sources_of(stored) or Sources()
        self._run = max((one["run"] + 1 for one in stored), default=0)
        self._stored = bool(stored)
        return self._sources

    def hear(self, at: int, part: bytes) -> None:
        """The action has read these times, which begin here in its clock."""
        if part:
            self._new.append((at, part))

    def keep(self) -> None:
        """Store what is not stored yet."""
        if self._sources is None or (self._stored and not self._new):
            return
        parts = [list(part) for part in self._new]
        value = {"run": self._run, "seed": self._sources.seed, "base": len(self._sources.clock), "parts": parts}
        self._write(f"sources:{self._run}:{self._count}", value)
        self._count += 1
        self._stored = True
        self._reached = max([self._reached, *(at + len(part) for at, part in self._new)])
        self._new.clear()

    def end(self, clock: bytes) -> None:
        """The action is over, and this is its whole clock: store what is not stored yet."""
        if self._sources is None:
            return
        base = len(self._sources.clock)
        self._new = [(base, clock[base:])] if len(clock) > max(base, self._reached) else []
        self.keep()


def sources_of(stored: Sequence[Mapping[str, Any]]) -> Sources | None:
    """The sources that the runs of an action have written, each from where the one before it had come; None if none."""
    if not stored:
        return None
    clock = b""
    for run in sorted({one["run"] for one in stored}):
        of_run = [one for one in stored if one["run"] == run]
        parts = [(at, part) for one in of_run for at, part in one["parts"]]
        # A run that was given up may have gone on for a moment: what the next one did not have is not part of it.
        clock = join_clock(parts, before=clock[: of_run[0]["base"]])
    return Sources(seed=stored[0]["seed"], clock=clock)
