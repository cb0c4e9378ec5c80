"""A Jupyter kernel: an interpreter in a process of its own, spoken to over sockets. It contains nothing."""

from contextlib import ExitStack, contextmanager
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from measuring import descendants
from sandbox_timing import Figures, main, median_of, shared_memory, timed
from sandbox_workloads import measure_workloads

_SECONDS = 120
_KERNELS = 3


@contextmanager
def open_kernel() -> Any:
    """A kernel that takes actions."""
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=_SECONDS)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def execute(client: BlockingKernelClient, code: str) -> None:
    """Run an action to its end, its output received."""
    reply = client.execute_interactive(code, timeout=_SECONDS, store_history=False)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"The kernel answered {reply['content']!r}.")


def measure_starts(*, quick: bool) -> Figures:
    """Every session is a new interpreter."""

    def start() -> None:
        started.enter_context(open_kernel())

    with ExitStack() as started:
        seconds = timed(start) if quick else median_of(1, start)
    return {"first": seconds, "further": seconds}


def measure_crowd(*, quick: bool) -> Figures:
    """Memory of one kernel when there are several."""
    kernels = 1 if quick else _KERNELS
    with ExitStack() as started:
        for _ in range(kernels):
            execute(started.enter_context(open_kernel()), "x = 1")
        memory = shared_memory(descendants())
    return {} if memory is None else {"memory": memory / kernels}


def measure_actions(*, quick: bool) -> Figures:
    """It has no tools of the host."""
    with open_kernel() as client:
        return {"execute": median_of(3 if quick else 50, lambda: execute(client, "x = 1"))}


def measure_work(*, quick: bool) -> Figures:
    """The workloads, as they are."""
    with open_kernel() as client:
        return measure_workloads(lambda code: execute(client, code), quick=quick)


if __name__ == "__main__":
    parts = {"starts": measure_starts, "crowd": measure_crowd, "actions": measure_actions, "workloads": measure_work}
    main("ipykernel", parts)
