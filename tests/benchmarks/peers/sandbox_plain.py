"""No session at all: the interpreter that started this, in its own process. What the others are compared with."""

import os
import socket
import subprocess
import sys
from typing import Any

from sandbox_timing import Figures, main, median_of
from sandbox_workloads import measure_workloads

_MANY = 2_000


def measure_starts(*, quick: bool) -> Figures:
    """The start of an interpreter to its end."""
    times = 1 if quick else 3
    return {
        "python": median_of(times, lambda: _start("pass")),
        "python, numpy, pandas": median_of(1, lambda: _start("import numpy, pandas")),
    }


def measure_actions(*, quick: bool) -> Figures:
    """What no sandbox can be faster than: to run the code right here, and one byte to another process and back."""
    times = 50 if quick else _MANY
    names: dict[str, Any] = {}
    return {
        "exec": median_of(times, lambda: exec("x = 1", names)),  # noqa: S102 - our own text
        "ping-pong": _ping_pong(times),
    }


def measure_work(*, quick: bool) -> Figures:
    """The workloads, in a namespace of their own."""
    figures = measure_workloads(lambda code: exec(code, {}), quick=quick)  # noqa: S102 - our own text
    return {f"plain {key}": seconds for key, seconds in figures.items()}


def _start(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _ping_pong(times: int) -> float:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        while byte := theirs.recv(1):
            theirs.send(byte)
        os._exit(0)
    theirs.close()
    with ours:
        seconds = median_of(times, lambda: (ours.send(b"x"), ours.recv(1)))
    os.waitpid(child, 0)
    return seconds


if __name__ == "__main__":
    main(None, {"starts": measure_starts, "actions": measure_actions, "workloads": measure_work})
