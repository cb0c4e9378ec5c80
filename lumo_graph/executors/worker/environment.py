"""The environment that sessions start with: nothing of the host's, and the same everywhere."""

import os
import sys

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "Agg",
    "MALLOC_ARENA_MAX": "2",  # each arena takes 64 MiB of the addresses that the memory limit counts
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_MAX_THREADS": "1",
}

_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # without them some interpreters do not start
PATH = "PYTHONPATH"
_PROGRAM = "lumo_graph.executors.worker"


def scrubbed_environment() -> dict[str, str]:
    """The environment for a process that sessions are forked from."""
    return ENVIRONMENT | {name: os.environ[name] for name in _KEPT if name in os.environ}


def start_again(*arguments: str) -> None:
    """Replace this program by itself in a scrubbed environment: of the one it was started in no byte is left in memory.

    Args:
        arguments: for the new one, which finds modules where this one does.
    """
    environment = scrubbed_environment()
    if not sys.flags.ignore_environment and PATH in os.environ:
        environment[PATH] = os.environ[PATH]
    flags = ["-I"] if sys.flags.isolated else ["-P", "-s"]
    os.execve(sys.executable, [sys.executable, *flags, "-m", _PROGRAM, *arguments], environment)  # noqa: S606 - this same program
