"""Starting a session: the best jail this machine gives, and no code before it stands."""

import errno
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lumo_graph.errors import ExecutorError
from lumo_graph.executors.isolation import check_reached, describe_isolation
from lumo_graph.executors.jail.plan import FROZEN_COPY, LAYERS, NAMESPACES, PAUSE, LayerError
from lumo_graph.executors.link import Link
from lumo_graph.executors.restoring import Attempts, Restored, receive_one
from lumo_graph.executors.settings import Settings
from lumo_graph.executors.zygote import fork_session
from lumo_graph.types import Isolation, Limits, ToolSpec

_JAIL_SECONDS = 60.0

_missing: dict[str, str] = {}
"""Layers that this machine does not give, each with the reason: found out once."""
_missing_lock = threading.Lock()
_PASSING = {os.strerror(number) for number in (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE)}


def start_session(
    settings: Settings, *, limits: Limits, tools: Sequence[ToolSpec], namespace: Mapping[str, bytes]
) -> tuple[Link, Isolation, Restored]:
    """Start a session behind every layer that this machine has, and load a namespace into it.

    What of the namespace ends or blocks the interpreter while it is loaded is left out, in a session that is new.

    Raises:
        IsolationError: the layers do not make the required tier. No code was run.
        SnapshotError: the namespace cannot be loaded.
        ExecutorError: no session could be started.
    """
    attempts = Attempts(namespace, memory_mb=limits.memory_mb)
    while True:
        link, isolation = _start_behind_best(settings, limits)
        try:
            if (restored := attempts.furnish(link, [_describe_tool(tool) for tool in tools])) is not None:
                return link, isolation, restored
            link.kill()
            link.close()
        except BaseException:
            link.kill()
            link.close()
            raise


def _start_behind_best(settings: Settings, limits: Limits) -> tuple[Link, Isolation]:
    with _missing_lock:
        off = dict(_missing)
    while True:
        layers = frozenset(LAYERS) - off.keys()
        check_reached(layers, off, settings.require)
        try:
            return start_behind(layers, off, settings, limits)
        except LayerError as failure:
            # The process that tried is in a half state and has ended; a fresh one does without the layer.
            if failure.layer not in layers:
                raise ExecutorError(f"No session could be started: {failure.reason}") from failure
            off[failure.layer] = failure.reason
            if failure.reason not in _PASSING:
                with _missing_lock:
                    _missing[failure.layer] = failure.reason


def start_behind(
    layers: frozenset[str], off: Mapping[str, str], settings: Settings, limits: Limits
) -> tuple[Link, Isolation]:
    """Start a session behind exactly these layers.

    Raises:
        LayerError: one of them cannot be had.
        ExecutorError: no session could be started.
    """
    link = Link()
    try:
        request = {
            "layers": sorted(layers),
            "memory_mb": limits.memory_mb,
            "disk_mb": limits.disk_mb,
            "cpu_seconds": limits.action_cpu_seconds,
            "freeze_below_mb": settings.freeze_below_mb,
        }
        try:
            fork_session(settings.preload, request, link.theirs())
        finally:
            link.give_away()
        message = receive_one(link, time.monotonic() + _JAIL_SECONDS)
        report = _report_in(message)
    except BaseException:
        link.kill()
        link.close()
        raise
    link.supervised = PAUSE not in report["off"]
    link.answers = link.supervised and NAMESPACES not in layers
    link.freezes = FROZEN_COPY in report["on"]
    return link, describe_isolation(layers, report["on"], {**off, **report["off"]})


def _report_in(message: list[Any]) -> dict[str, Any]:
    if message[0] == "failed":
        raise LayerError(str(message[1]), str(message[2]))
    if message[0] != "jailed":
        raise ExecutorError(f"The session began with {message[0]!r}.")
    return message[1]


def _describe_tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "name": tool.name,
        "doc": tool.doc,
        "returns": tool.returns,
        "is_async": tool.is_async,
        "parameters": [
            {
                "name": parameter.name,
                "annotation": parameter.annotation,
                "default": parameter.default,
                "keyword_only": parameter.keyword_only,
            }
            for parameter in tool.parameters
        ],
    }
