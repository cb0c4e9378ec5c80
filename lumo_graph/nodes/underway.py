"""Tool calls that this process is making, by their names: no two runs of an action make the same one."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from lumo_graph.types import ToolReply


@dataclass(slots=True)
class Underway:
    """Calls that run in this process: one that outlived its action is awaited by the next run of it, not made again."""

    calls: dict[str, "Future[ToolReply]"] = field(default_factory=dict[str, "Future[ToolReply]"])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, name: str) -> tuple["Future[ToolReply]", bool]:
        """The call of this name, and whether it is for the caller to make it."""
        with self.lock:
            known = self.calls.get(name)
            if known is not None:
                return known, False
            future: Future[ToolReply] = Future()
            self.calls[name] = future
            return future, True

    def below(self, prefix: str) -> set[str]:
        """Names of the calls whose names begin so."""
        with self.lock:
            return {name for name in self.calls if name.startswith(prefix)}

    def end(self, name: str) -> None:
        """Forget a call."""
        with self.lock:
            self.calls.pop(name, None)
