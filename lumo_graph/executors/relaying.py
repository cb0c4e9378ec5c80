"""Sessions in processes that a command of the user's launches: `ProcessExecutor(launch=...)`."""

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.launched import Launched
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.carrier import FIND, FOUND, LOAD, LOADED
from lumo_graph.executors.worker.relay import Relay
from lumo_graph.executors.worker.starting import Ends

_KILL_SECONDS = 2.0
"""After an order to end everything, before the launcher is ended."""
_DELIVER_SECONDS = 1.0
_STATUS_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a launcher offers."""

    python_version: tuple[int, int]
    packages: tuple[str, ...]


_found: dict[tuple[str, ...], Found] = {}


def launch_session(
    command: tuple[str, ...], preload: tuple[str, ...], request: dict[str, Any], descriptors: Sequence[int]
) -> None:
    """Launch a process and start a session's guard in it, connected with these: data, control, stdout, stderr.

    Raises:
        ExecutorError: no session could be started.
    """
    launched = Launched(command)
    try:
        if preload:
            launched.ask(LOAD, list(preload), LOADED)
        relay = launched.connect(request, _copy(descriptors))
    except BaseException:
        launched.end()
        raise
    try:
        threading.Thread(target=_carry, args=(launched, relay), name="lumo-relay", daemon=True).start()
    except BaseException:
        relay.close()
        launched.end()
        raise


def find_out(command: tuple[str, ...], names: Sequence[str]) -> Found:
    """What a launcher offers. It is launched for it once in the life of this process.

    Args:
        command: the launcher.
        names: packages to look for.

    Raises:
        ExecutorError: what it starts is no worker.
    """
    if command not in _found:
        launched = Launched(command)
        try:
            packages = launched.ask(FIND, list(names), FOUND)
            known = tuple(name for name in names if name in packages) if type(packages) is list else ()
            _found[command] = Found(python_version=launched.python_version, packages=known)
        finally:
            launched.end()
    return _found[command]


def _copy(descriptors: Sequence[int]) -> Ends:
    with contextlib.ExitStack() as undo:
        copies: list[int] = []
        for descriptor in descriptors:
            copies.append(os.dup(descriptor))
            undo.callback(os.close, copies[-1])
        data, control, stdout, stderr = copies
        undo.pop_all()
    return Ends(data=data, control=control, stdout=stdout, stderr=stderr)


def _carry(launched: Launched, relay: Relay) -> None:
    broken = ""
    try:
        _pump(launched, relay)
    except FrameError as failure:
        broken = f"What {launched.name!r} has sent is not the worker's: {failure}"
    finally:
        try:
            if not relay.died and not relay.killed and not relay.left:
                _report(launched, relay, broken)
        finally:
            relay.close_streams()
            launched.end()
            relay.close()


def _pump(launched: Launched, relay: Relay) -> None:
    until = float("inf")
    while not (relay.left or relay.cut or relay.finished):
        if relay.killed:
            until = min(until, time.monotonic() + _KILL_SECONDS)
        left = until - time.monotonic()
        if left <= 0:
            return
        if relay.step(left if relay.killed else None, launched.words):
            launched.hear()
    until = time.monotonic() + _DELIVER_SECONDS
    while not (relay.delivered or relay.left or relay.killed) and (left := until - time.monotonic()) > 0:
        relay.step(left)


def _report(launched: Launched, relay: Relay, broken: str) -> None:
    # Nobody inside has said how it came to this: the session broke, or with it all that was launched.
    if broken:
        relay.say(f"{broken}\n")
    elif launched.wait(_STATUS_SECONDS):
        launched.hear()
        if words := launched.said():
            relay.say(f"The launcher {launched.name!r} has ended.{words}\n")
        if not relay.finished and (status := launched.status) is not None:
            relay.tell(orders.DIED + str(status).encode())
