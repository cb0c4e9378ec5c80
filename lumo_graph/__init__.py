"""Agents that act by writing Python, as a LangGraph state graph.

Names are imported on first use, so that `import lumo_graph` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumo_graph.client import LumoClient as LumoClient
    from lumo_graph.context import AgentContext as AgentContext
    from lumo_graph.errors import LumoGraphError as LumoGraphError
    from lumo_graph.events import RunResult as RunResult
    from lumo_graph.graph import create_lumo_agent as create_lumo_agent
    from lumo_graph.managed import Agent as Agent
    from lumo_graph.runs import aresume as aresume
    from lumo_graph.runs import arun as arun
    from lumo_graph.runs import astream as astream
    from lumo_graph.runs import resume as resume
    from lumo_graph.runs import run as run
    from lumo_graph.runs import stream as stream
    from lumo_graph.tracing.configuring import configure_tracing as configure_tracing
    from lumo_graph.types import Execution as Execution
    from lumo_graph.types import Executor as Executor
    from lumo_graph.types import Limits as Limits
    from lumo_graph.types import Session as Session

_HOMES = {
    "Agent": "lumo_graph.managed",
    "AgentContext": "lumo_graph.context",
    "Execution": "lumo_graph.types",
    "Executor": "lumo_graph.types",
    "Limits": "lumo_graph.types",
    "LumoClient": "lumo_graph.client",
    "LumoGraphError": "lumo_graph.errors",
    "RunResult": "lumo_graph.events",
    "Session": "lumo_graph.types",
    "aresume": "lumo_graph.runs",
    "arun": "lumo_graph.runs",
    "astream": "lumo_graph.runs",
    "configure_tracing": "lumo_graph.tracing.configuring",
    "create_lumo_agent": "lumo_graph.graph",
    "resume": "lumo_graph.runs",
    "run": "lumo_graph.runs",
    "stream": "lumo_graph.runs",
}

__all__ = tuple(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll] - a test keeps it equal to the imports above


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
