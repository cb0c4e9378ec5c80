"""Holding a session still while nothing is asked of it: what code has left behind uses no processor time then."""

import math
import time
from collections.abc import Callable

from lumo_graph.executors.worker.group import Group

LINGER = 0.05
"""Seconds in which more may come before the session is held still: actions in a row cost nothing then."""
_FIRST_CHECK, _LONGEST_CHECK = 0.001, 0.1
_MOST_TRIES = 50


class Rest:
    """Whether the processes of a session are held still, and when to see to it.

    One that is about to be stopped may still let another one go, so they are stopped until they are seen to be still.

    Args:
        stop: stops all of them; may be called again.
        is_still: whether none of them runs.
        let_go: lets them run.
        group: control group of the session: where there is one that can, it does all of that, and nothing defies it.
    """

    def __init__(
        self,
        *,
        stop: Callable[[], object],
        is_still: Callable[[], bool],
        let_go: Callable[[], None],
        group: Group | None = None,
    ) -> None:
        self._group = group
        self._frozen = False
        self._stop = stop
        self._is_still = is_still
        self._let_go = let_go
        self._tries = 0
        self._check = _FIRST_CHECK
        self.due = math.inf
        """When to `look` next, as `time.monotonic` tells it."""
        self.held = False
        """Whether they were stopped and not let go since."""

    @property
    def defied(self) -> bool:
        """Whether they were stopped again and again, and still run: code of an earlier action sees to that."""
        return self._tries > _MOST_TRIES

    def begin(self) -> None:
        """Nothing is asked of the session any more."""
        self.due = time.monotonic() + LINGER
        self._tries, self._check = 0, _FIRST_CHECK

    def end(self) -> None:
        """Something is asked of the session: let it run."""
        self.due = math.inf
        if self.held:
            self.held = False
            if self._frozen and self._group is not None:
                self._group.thaw()
            else:
                self._let_go()
            self._frozen = False

    def look(self) -> None:
        """Stop what runs, if it is time."""
        now = time.monotonic()
        if now < self.due:
            return
        if self.held and self._is_still():
            self.due = math.inf
            return
        self.held = True
        if self._group is not None and self._group.freezes:
            self._group.freeze()
            self._frozen, self.due = True, math.inf
            return
        self._tries += 1
        self._stop()
        self.due, self._check = now + self._check, min(2 * self._check, _LONGEST_CHECK)
