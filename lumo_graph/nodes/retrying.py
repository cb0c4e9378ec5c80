"""Going on with an agent where it was, when LangGraph tries the node again that has called it.

LangGraph numbers the graphs that a node calls, and goes on counting when it tries the node again: the second attempt of
a node that is an agent would be a second call, with a namespace of its own. All that the first one has done would be
done again.
"""

import itertools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime

from lumo_graph.nodes.scratchpad import SCRATCHPAD

_RUNTIME = "__pregel_runtime"
_MOST = 1024


class Failed:
    """Calls of agents that have failed, by the node run that made them."""

    def __init__(self) -> None:
        self._agents: OrderedDict[tuple[Any, Any], weakref.ref[object]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, configurable: Mapping[str, Any], agent: object) -> None:
        """A call of this agent has failed. If its node is tried again, it goes on from there."""
        if (place := _place(configurable)) is None:
            return
        with self._lock:
            self._agents[place] = weakref.ref(agent)
            while len(self._agents) > _MOST:
                self._agents.popitem(last=False)

    def again(self, configurable: Mapping[str, Any], agent: object) -> dict[str, Any]:
        """What to change in the config of a call so that it goes on where the one that has failed was.

        Only where a node calls nothing but this agent, once in each attempt: then it is certain which one it was.
        """
        with self._lock:
            failed = self._agents.pop(_place(configurable) or ("", ""), None)
        runtime, scratchpad = configurable.get(_RUNTIME), configurable.get(SCRATCHPAD)
        info = runtime.execution_info if isinstance(runtime, Runtime) else None
        if failed is None or failed() is not agent or info is None or scratchpad is None:
            return {}
        number = scratchpad.subgraph_counter()
        first = 0 if number == info.node_attempt - 1 else number
        return {SCRATCHPAD: replace(scratchpad, subgraph_counter=itertools.count(first).__next__)}


def _place(configurable: Mapping[str, Any]) -> tuple[Any, Any] | None:
    namespace = configurable.get("checkpoint_ns")
    return (configurable.get("thread_id"), namespace) if namespace and SCRATCHPAD in configurable else None


failed_calls = Failed()
"""Of this process: attempts at a node follow each other in one."""
