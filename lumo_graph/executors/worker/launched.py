"""A process that a launcher has started: it forks the guard of one session and relays between it and the host."""

import contextlib
import fcntl
import os
import select
import signal
import sys
from typing import Any

from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.carrier import (
    CONTROL,
    END,
    FAILED,
    FIND,
    FORK,
    FOUND,
    HERE,
    LOAD,
    LOADED,
    Carrier,
)
from lumo_graph.executors.worker.environment import PATH
from lumo_graph.executors.worker.guard import guard_session
from lumo_graph.executors.worker.packages import find_packages, load_packages, share_pages
from lumo_graph.executors.worker.relay import Relay
from lumo_graph.executors.worker.source import digest_source
from lumo_graph.executors.worker.starting import connect, last_words

_FIRST_FREE = 3


def serve_standard_streams() -> None:
    """Serve the host at the other ends of standard input and output until it is gone, or its session is."""
    reading, writing = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for number in (0, 1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # whatever a package prints when it is imported, the host must not read it
        os.dup2(nothing, number)
    os.close(nothing)
    os.environ.pop(PATH, None)
    os.chdir("/")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError):
        _serve(Carrier(reading, writing))
    os._exit(0)  # nobody waits for the modules of an interpreter to be taken apart


def _serve(carrier: Carrier) -> None:
    carrier.put(HERE, [digest_source(), list(sys.version_info[:2])])
    while True:
        kind, content = _receive(carrier)
        if kind == FIND:
            carrier.put(FOUND, find_packages(content))
        elif kind == LOAD:
            failure = load_packages(content)
            carrier.put(*((LOADED, True) if failure is None else (FAILED, failure)))
        elif kind == FORK:
            _relay(carrier, content)
            return


def _receive(carrier: Carrier) -> list[Any]:
    poll = select.poll()
    poll.register(carrier.reading, select.POLLIN)
    while True:
        carrier.flush()  # it is less than a pipe holds
        poll.poll()
        if (message := carrier.take_one()) is not None:
            return message


def _relay(carrier: Carrier, request: dict[str, Any]) -> None:
    # Children are reaped by the kernel: in a container this may be process 1, to which come those that lose theirs.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    share_pages()
    ours, theirs = connect()
    guard = os.fork()
    if guard == 0:
        with last_words():
            guard_session(request, theirs)
    theirs.close()
    relay = Relay(carrier, ours, inside=True)
    while not relay.cut and not (relay.left and relay.drained):
        relay.step(None)
    if relay.cut:
        relay.tell(orders.KILL)
    else:
        carrier.put(END, CONTROL)
    while carrier.unsent and not relay.cut:
        relay.step(None)
    relay.close()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(guard, 0)  # it clears up; in a container, everything ends with this process
