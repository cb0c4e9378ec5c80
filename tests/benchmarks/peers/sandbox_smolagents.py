"""smolagents' local interpreter: it walks the syntax tree in the host's process, which contains nothing."""

from typing import Any

from sandbox_timing import Figures, main, median_of
from sandbox_workloads import measure_workloads
from smolagents.local_python_executor import LocalPythonExecutor

_CALLS = 1_000
_SHARE = 0.02
"""Of the workloads: they take it a hundred times as long as an interpreter."""


def open_executor(tools: dict[str, Any] | None = None) -> LocalPythonExecutor:
    """One with a namespace of its own."""
    executor = LocalPythonExecutor(["json"], timeout_seconds=None)
    executor.send_tools(tools or {})
    return executor


def measure_starts(*, quick: bool) -> Figures:
    """There is no process to start."""
    return {"further": median_of(2 if quick else 20, open_executor)}


def measure_actions(*, quick: bool) -> Figures:
    """Tools are plain functions of the same process."""
    executor = open_executor({"same": lambda value: value})
    calls = 10 if quick else _CALLS
    loop = median_of(1 if quick else 3, lambda: executor(f"for number in range({calls}):\n    same(number)"))
    return {
        "execute": median_of(10 if quick else 300, lambda: executor("x = 1")),
        "tool call": loop / calls,
        "1000 tool calls": loop * _CALLS / calls,
    }


def measure_work(*, quick: bool) -> Figures:
    """A fiftieth of each workload, multiplied."""
    return measure_workloads(open_executor(), quick=quick, share=_SHARE)


if __name__ == "__main__":
    main("smolagents", {"starts": measure_starts, "actions": measure_actions, "workloads": measure_work})
