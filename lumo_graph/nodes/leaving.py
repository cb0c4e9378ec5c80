"""Ending the agents that an action has called when it is over, and nobody waits for them any more."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from typing_extensions import override

CALLER = "__lumo_caller"
"""Where an agent that is called finds, in its config's `configurable`, the `Caller` that waits for it."""


class Caller(RunControl):
    """The action that has called agents, as their runs see it: they are drained where its own run is, and when it ends.

    Args:
        above: of the run of the action.
    """

    __slots__ = ("_above", "_lock", "_stops")

    def __init__(self, above: RunControl | None) -> None:
        super().__init__()
        self._above = above
        self._stops: set[Callable[[], object]] = set()
        self._lock = threading.Lock()

    @property
    @override
    def drain_requested(self) -> bool:
        return self.is_gone or (self._above is not None and self._above.drain_requested)

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits any more."""
        return super().drain_requested

    def leave(self) -> None:
        """Nobody waits any more: what runs ends before its next step, and its code actions now, undone."""
        with self._lock:
            self.request_drain("nobody waits for it any more")
            stops = list(self._stops)
        for stop in stops:
            stop()

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Generator[None, None, None]:
        """Have an action ended, should nobody wait any more, while a `with` block lasts."""
        with self._lock:
            self._stops.add(stop)
            gone = self.is_gone
        if gone:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.discard(stop)


def caller_of(config: RunnableConfig) -> Caller:
    """Who waits for this run; somebody who never leaves if no agent has called it."""
    found = config.get("configurable", {}).get(CALLER)
    return found if isinstance(found, Caller) else Caller(None)


def check_caller(config: RunnableConfig, update: Mapping[str, Any]) -> None:
    """Refuse what a node has made of an action that was ended because nobody waits: the model must not hear of it.

    Raises:
        GraphDrained: it was ended so.
    """
    execution: Mapping[str, Any] = update.get("execution") or {}
    if execution.get("rolled_back") and caller_of(config).is_gone:
        raise GraphDrained
