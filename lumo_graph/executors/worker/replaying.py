"""What makes an action take the same path when it runs again: its random numbers, its times, a trace of its path."""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from lumo_graph.executors.worker.clocks import Clocks
from lumo_graph.executors.worker.entropy import Entropy
from lumo_graph.executors.worker.order import Order
from lumo_graph.executors.worker.wrapping import names_of

TRACE = 12
"""Bytes of a trace: of the digest of what was printed, and of the number of draws."""
_DIGEST = 8
_DRAWS = (1 << 8 * (TRACE - _DIGEST)) - 1

_ADDRESS, _SOME_ADDRESS = re.compile(rb" at 0x[0-9a-f]+"), b" at 0x"
"""In the repr of an object that has none of its own: it says nothing of the path."""

_blake2b = hashlib.blake2b


class Replaying:
    """The sources of one action: made once for a session, before any code of it runs.

    Args:
        order: of its actions.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._entropy = Entropy(order)
        self._clocks = Clocks(order)
        self._printed: Any = None
        self._owner = os.getpid()

    def install(self) -> None:
        """Take the place of what Python has."""
        self._entropy.install()
        self._clocks.install()
        self._watch_imports()
        os.register_at_fork(before=self._entropy.count_child, after_in_child=self._leave)

    @contextmanager
    def action(self, seed: bytes | None, clock: bytes) -> Generator[None]:
        """For as long as an action runs, give it random numbers of this seed, and these times first.

        Args:
            seed: secret; None: the action gets what the operating system has, and is not traced.
            clock: what it has read from its clocks when it ran before.
        """
        with self._order.action():
            if seed is not None:
                self._printed = _blake2b(digest_size=_DIGEST)
                self._entropy.begin(seed)
                self._clocks.begin(clock)
            yield

    def end(self) -> bytes:
        """The action is over, and what has looked at it too: from now on everything is as it really is.

        Returns:
            What its clock showed last, as `take` gives it.
        """
        self._order.end()
        self._entropy.end()
        self._clocks.end()
        self._printed = None
        return self._clocks.take()

    def hear(self, data: memoryview) -> None:
        """Standard output was written."""
        if self._printed is not None and self._order.in_flow():
            self._printed.update(_ADDRESS.sub(_SOME_ADDRESS, data))

    def trace(self) -> bytes:
        """The path of the action up to now; empty where it cannot be told, as in a thread."""
        if self._printed is None or self._clocks.full or not self._order.in_flow():
            return b""
        draws = min(self._entropy.draws, _DRAWS)
        return self._printed.digest() + draws.to_bytes(TRACE - _DIGEST, "little")

    def take(self) -> bytes:
        """What the clocks have shown since this was last called; only in the thread of the action."""
        return self._clocks.take() if self._order.in_thread() else b""

    def give_back(self, taken: bytes) -> None:
        """What `take` gave could not be sent."""
        self._clocks.give_back(taken)

    def _leave(self) -> None:
        # In every child. A copy that takes the place of this process begins its next action like any other.
        self._order.end()
        self._entropy.leave()

    def _watch_imports(self) -> None:
        # Called for modules that are not there yet, by every kind of import. What they draw must move nothing: in
        # another session they may be there.
        bootstrap = names_of(sys.modules["_frozen_importlib"])
        find_and_load: Any = bootstrap["_find_and_load"]
        aside, find_numpy = self._order.aside, self._entropy.find_numpy

        def _find_and_load(name: str, import_: Callable[..., Any]) -> Any:
            with aside():
                module = find_and_load(name, import_)
            if name.startswith("numpy"):
                find_numpy()
            return module

        # Tracebacks leave out what is of this file.
        code = _find_and_load.__code__.replace(co_filename=find_and_load.__code__.co_filename)
        _find_and_load.__code__ = code
        bootstrap["_find_and_load"] = _find_and_load
