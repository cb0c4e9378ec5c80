"""Starting a session: the best jail this machine gives, and no code before it stands."""

import errno
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.executors.checking import parse_text
from lumo_graph.executors.frames import CHUNK, TO_WORKER_CAP, FrameError, FrameTooLargeError, pack
from lumo_graph.executors.isolation import check_reached, describe_isolation
from lumo_graph.executors.jail.plan import LAYERS, LayerError
from lumo_graph.executors.link import EndedError, Link
from lumo_graph.executors.zygote import fork_session
from lumo_graph.types import Isolation, Limits, Tier, ToolSpec

_JAIL_SECONDS = 60.0
_RESTORE_SECONDS = 120.0

_missing: dict[str, str] = {}
"""Layers that this machine does not give, each with the reason: found out once."""
_missing_lock = threading.Lock()
_PASSING = {os.strerror(number) for number in (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE)}


def start_session(
    *,
    require: Tier,
    preload: tuple[str, ...],
    limits: Limits,
    tools: Sequence[ToolSpec],
    namespace: Mapping[str, bytes],
) -> tuple[Link, Isolation]:
    """Start a session behind every layer that this machine has.

    Raises:
        IsolationError: the layers do not make the required tier. No code was run.
        SnapshotError: the namespace cannot be loaded.
        ExecutorError: no session could be started.
    """
    with _missing_lock:
        off = dict(_missing)
    while True:
        layers = frozenset(LAYERS) - off.keys()
        check_reached(layers, off, require)
        try:
            link, isolation = start_behind(layers, off, preload=preload, limits=limits)
        except LayerError as failure:
            # The process that tried is in a half state and has ended; a fresh one does without the layer.
            if failure.layer not in layers:
                raise ExecutorError(f"No session could be started: {failure.reason}") from failure
            off[failure.layer] = failure.reason
            if failure.reason not in _PASSING:
                with _missing_lock:
                    _missing[failure.layer] = failure.reason
            continue
        try:
            _furnish(link, tools, namespace)
        except BaseException:
            link.kill()
            link.close()
            raise
        return link, isolation


def start_behind(
    layers: frozenset[str], off: Mapping[str, str], *, preload: tuple[str, ...], limits: Limits
) -> tuple[Link, Isolation]:
    """Start a session behind exactly these layers.

    Raises:
        LayerError: one of them cannot be had.
        ExecutorError: no session could be started.
    """
    link = Link()
    try:
        request = {"layers": sorted(layers), "memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb}
        try:
            fork_session(preload, request, link.theirs())
        finally:
            link.give_away()
        message = receive_one(link, _JAIL_SECONDS)
        report = _report_in(message)
    except BaseException:
        link.kill()
        link.close()
        raise
    return link, describe_isolation(layers, report["on"], {**off, **report["off"]})


def _report_in(message: list[Any]) -> dict[str, Any]:
    if message[0] == "failed":
        raise LayerError(str(message[1]), str(message[2]))
    if message[0] != "jailed":
        raise ExecutorError(f"The session began with {message[0]!r}.")
    return message[1]


def receive_one(link: Link, seconds: float) -> list[Any]:
    """The next message of a session that is not running code yet.

    Raises:
        ExecutorError: it ended, sent something else, or took too long.
    """
    until = time.monotonic() + seconds
    last_words = b""
    while (left := until - time.monotonic()) > 0:
        readable, (_, stderr), _ = link.wait(left)
        last_words = (last_words + stderr)[-500:]
        try:
            if readable and (messages := link.receive()):
                return messages[0]
        except (EndedError, FrameError) as failure:
            said = last_words.decode("utf-8", "replace").strip() or f"exit status {link.end()}"
            raise ExecutorError(f"The session ended while it was starting: {said}") from failure
    raise ExecutorError(f"The session took more than {seconds:g} s to start.")


def _furnish(link: Link, tools: Sequence[ToolSpec], namespace: Mapping[str, bytes]) -> None:
    try:
        hello = pack(["hello", [_describe_tool(tool) for tool in tools], len(namespace)], TO_WORKER_CAP)
        link.send_whole(hello, _RESTORE_SECONDS)
        for name, blob in namespace.items():
            for start in range(0, max(len(blob), 1), CHUNK):
                part, end = blob[start : start + CHUNK], start + CHUNK >= len(blob)
                link.send_whole(pack(["component", name, part, end], TO_WORKER_CAP), _RESTORE_SECONDS)
    except FrameTooLargeError as failure:
        raise ExecutorError(f"The description of the tools is too large: {failure}.") from failure
    except (EndedError, TypeError, ValueError) as failure:
        raise SnapshotError(f"The namespace could not be given to the session: {failure!r}.") from failure
    try:
        answer = receive_one(link, _RESTORE_SECONDS)
    except ExecutorError as failure:
        if not namespace:
            raise
        raise SnapshotError(f"The namespace could not be restored: {failure}") from failure
    if answer[0] == "refused":
        try:
            reason = parse_text(answer)
        except FrameError as failure:
            reason = str(failure)
        raise SnapshotError(f"The namespace could not be restored: {reason}")
    if answer[0] != "ready":
        raise ExecutorError(f"The session answered {str(answer[0])[:50]!r} where it should be ready.")


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
