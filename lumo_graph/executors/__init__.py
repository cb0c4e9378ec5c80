"""Executors open sessions: jailed interpreters whose variables persist from action to action."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumo_graph.executors.monty import MontyExecutor
    from lumo_graph.executors.process import ProcessExecutor

__all__ = ["MontyExecutor", "ProcessExecutor"]

_HOMES = {"MontyExecutor": "monty", "ProcessExecutor": "process"}


def __getattr__(name: str) -> Any:
    # The child process imports this package too and must not load the host's half of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
