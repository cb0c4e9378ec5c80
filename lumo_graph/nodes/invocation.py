"""One invoke of an agent's graph, as its nodes see it: whether it stores anything, and what ends with it."""

import threading
from collections.abc import Callable
from weakref import WeakValueDictionary

from langchain_core.runnables import RunnableConfig

from lumo_graph.errors import ConfigurationError

INVOCATION = "__lumo_invocation"
"""Where the nodes find it, in their config's `configurable`."""

_Place = tuple[str, str, str]


class Invocation:
    """One invoke or stream of an agent's graph, from its beginning to its end, however that comes.

    Args:
        agent: the name of the agent.
        stores: its graph may store something: False with `checkpointer=False`.
    """

    def __init__(self, agent: str, *, stores: bool) -> None:
        self.stores = stores
        self._agent = agent
        self._place: _Place | None = None
        self._leaves: dict[str, Callable[[], object]] = {}

    def leaves(self, key: str, end: Callable[[], object]) -> None:
        """Have something ended with it, because nobody can come back to it then."""
        self._leaves[key] = end

    def claim(self, thread: str, namespace: str, step: str) -> None:
        """Be the only one in a namespace that the calls of a node share, as they do with `checkpointer=True`.

        Args:
            thread: the thread.
            namespace: the namespace in it.
            step: the checkpoint of the outermost graph from which its nodes run now.

        Raises:
            ConfigurationError: another one is there now.
        """
        if self._place is not None:
            return
        place = thread, namespace, step
        with _lock:
            if _remembering.setdefault(place, self) is not self:
                raise ConfigurationError(
                    f"The agent {self._agent!r} runs several times at once in the namespace {namespace!r} of thread "
                    f"{thread!r}. With checkpointer=True all its calls there share one memory, so LangGraph cannot "
                    "keep them apart. For a fan-out with Send create the agent without checkpointer=True."
                )
        self._place = place

    def end(self) -> None:
        """It is over."""
        with _lock:
            if self._place is not None:
                _remembering.pop(self._place, None)
                self._place = None
        for end in self._leaves.values():
            end()


_remembering: WeakValueDictionary[_Place, Invocation] = WeakValueDictionary()
"""Those whose graph goes on from what an earlier call has left."""
_lock = threading.Lock()


def invocation_of(config: RunnableConfig) -> Invocation | None:
    """The invoke that a node belongs to; None if its graph is not an agent of ours."""
    found = config.get("configurable", {}).get(INVOCATION)
    return found if isinstance(found, Invocation) else None
