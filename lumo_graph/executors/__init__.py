"""Executors open sessions: jailed interpreters whose variables persist from action to action."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumo_graph.executors.process import ProcessExecutor

__all__ = ["ProcessExecutor"]


def __getattr__(name: str) -> Any:
    # The child process imports this package too and must not load the host's half of it.
    if name == "ProcessExecutor":
        from lumo_graph.executors.process import ProcessExecutor  # noqa: PLC0415 - loaded when it is asked for

        return ProcessExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
