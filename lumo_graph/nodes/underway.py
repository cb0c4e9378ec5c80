"""Tool calls that this process is making, by their names: no two runs of an action make the same one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from lumo_graph.types import ToolReply


@dataclass(slots=True)
class Underway:
    """Calls that run in this process: one that outlived its action is awaited by the next run of it, not made again.

    So is one that has returned and could not be recorded.
    """

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

    def make(
        self,
        name: str,
        call: Callable[[], ToolReply],
        *,
        find: Callable[[], ToolReply | None],
        record: Callable[[ToolReply], None],
    ) -> tuple[ToolReply, bool]:
        """Make a call once.

        Args:
            name: of the call.
            call: makes it.
            find: what it has returned to a run whose call was still being made; None if there was none.
            record: stores what it returned.

        Returns:
            The reply, and whether this call has made it.
        """
        future, ours = self.claim(name)
        if not ours:
            reply = future.result()
            record(reply)  # whoever made it may have lost its store meanwhile, as a run does that ends before its call
            self.end(name)
            return reply, False
        try:
            found = find()
            reply = call() if found is None else found
        except BaseException as failure:
            future.set_exception(failure)
            future.exception()  # whoever waits for it hears of it; else nobody needs to
            self.end(name)
            raise
        future.set_result(reply)
        if found is None:
            record(reply)  # if this fails, the call stays here, and the next run of the action finds its reply
        self.end(name)
        return reply, found is None
