"""Starting a session: the best jail this machine gives, and no code before it stands."""

import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

from lumo_graph.errors import ExecutorError, IsolationError
from lumo_graph.executors.advice import read_machine
from lumo_graph.executors.inputs import Input, can_be_bound, read_inputs
from lumo_graph.executors.isolation import describe_isolation, explain_shortfall, reaches
from lumo_graph.executors.jail.plan import FROZEN_COPY, LAYERS, NAMESPACES, PAUSE, LayerError
from lumo_graph.executors.link import Link
from lumo_graph.executors.relaying import launch_session
from lumo_graph.executors.restoring import Attempts, EndedEarlyError, Furniture, Restored, receive_one
from lumo_graph.executors.settings import Settings
from lumo_graph.executors.warm import Start, Started, identify
from lumo_graph.executors.zygote import fork_session
from lumo_graph.types import Isolation, Limits, ToolSpec

_JAIL_SECONDS = 60.0

_missing: dict[tuple[str, ...], dict[str, str]] = {}
"""Layers that this machine, or what a launcher starts, does not give, each with the reason: found out once."""
_probed: dict[tuple[Any, ...], Isolation] = {}
"""Reports of sessions that were started only for them, by what they depend on."""


def start_session(
    settings: Settings,
    *,
    limits: Limits,
    tools: Sequence[ToolSpec],
    namespace: Mapping[str, bytes],
    files: Mapping[str, bytes],
    start: Start,
) -> tuple[Started, Restored]:
    """Start a session behind every layer that this machine has, and load a namespace and its files into it.

    What of the namespace ends or blocks the interpreter while it is loaded is left out, in a session that is new.

    Args:
        settings: of the executor.
        limits: what the session may use.
        tools: functions of the host that its code may call.
        namespace: components of its variables.
        files: of its working directory.
        start: gives a session behind its jail; `start_empty`, or what keeps some ready.

    Raises:
        IsolationError: the layers do not make the required tier. No code was run.
        SnapshotError: the namespace cannot be loaded.
        ExecutorError: no session could be started.
    """
    attempts = Attempts(namespace, memory_mb=limits.memory_mb)
    while True:
        started = _start(start, limits, launched=bool(settings.launch))
        link = started.link
        try:
            inputs = [item for item in settings.files if item.name not in started.bound]
            furniture = Furniture(
                tools=[_describe_tool(tool) for tool in tools],
                imports=settings.imports,
                env=settings.env,
                inputs=read_inputs(inputs, disk_mb=limits.disk_mb),
                files=files,
            )
            if (restored := attempts.furnish(link, furniture)) is not None:
                return started, restored
            started.end()
        except BaseException:
            started.end()
            raise


def _start(start: Start, limits: Limits, *, launched: bool) -> Started:
    try:
        return start(limits)
    except EndedEarlyError:  # somebody outside may have killed it
        if launched:
            raise
        return start(limits)


def start_empty(settings: Settings, limits: Limits) -> Started:
    """Start a session behind every layer that this machine has.

    Raises:
        IsolationError: the layers do not make the required tier. No code was run.
        ExecutorError: no session could be started.
    """
    off = dict(_missing.get(settings.launch, {}))
    while True:
        layers = frozenset(LAYERS) - off.keys()
        try:
            started = start_behind(layers, off, settings, limits)
        except LayerError as failure:
            # The process that tried is in a half state and has ended; a fresh one does without the layer.
            if failure.layer not in layers:
                raise ExecutorError(f"No session could be started: {failure.reason}") from failure
            off[failure.layer] = failure.reason
            if not failure.passing:
                _missing.setdefault(settings.launch, {})[failure.layer] = failure.reason
            continue
        if reaches(started.isolation.tier, settings.require):
            return started
        # Only now, so that the error says all that is missing and what there really is.
        started.end()
        raise _shortfall(started.isolation, settings)


def _shortfall(isolation: Isolation, settings: Settings) -> IsolationError:
    failure = explain_shortfall(isolation, settings.require, read_machine())
    if not settings.launch:
        return failure
    return IsolationError(
        f"{failure} This is about the layers of lumo_graph inside what {settings.launch[0]!r} starts. What that "
        f"contains by itself is not counted: if it is enough, say so with require='none'."
    )


def probe_isolation(settings: Settings) -> Isolation:
    """What contains the sessions that these settings give here. One is started for it, and ended before it gets code.

    Once a process: what was found is known from then on, unless a layer was missing only for the moment.

    Raises:
        IsolationError: the layers do not make the required tier.
        ExecutorError: no session could be started.
    """
    what = settings.require, settings.preload, settings.freeze_below_mb, settings.launch
    if (known := _probed.get(what)) is not None:
        return known
    started = start_empty(replace(settings, files=()), Limits())
    started.end()
    if started.isolation.off.keys() & set(LAYERS) <= _missing.get(settings.launch, {}).keys():
        _probed[what] = started.isolation
    return started.isolation


def start_behind(layers: frozenset[str], off: Mapping[str, str], settings: Settings, limits: Limits) -> Started:
    """Start a session behind exactly these layers.

    Raises:
        LayerError: one of them cannot be had.
        ExecutorError: no session could be started.
    """
    link = Link()
    bound = _bound(settings, layers)
    try:
        request = {
            "layers": sorted(layers),
            "memory_mb": limits.memory_mb,
            "disk_mb": limits.disk_mb,
            "cpu_seconds": limits.action_cpu_seconds,
            "freeze_below_mb": settings.freeze_below_mb,
            "keep_files_mb": settings.keep_files_mb,
            "inputs": [(item.name, item.path) for item in bound],
        }
        try:
            if settings.launch:
                launch_session(settings.launch, settings.preload, request, link.theirs())
            else:
                fork_session(settings.preload, request, link.theirs())
        finally:
            link.give_away()
        message = receive_one(link, time.monotonic() + _JAIL_SECONDS)
        report = _report_in(message)
    except BaseException:
        link.control.kill()
        link.close()
        raise
    link.control.supervised = PAUSE not in report["off"]
    link.control.answers = link.control.supervised and NAMESPACES not in layers
    link.control.freezes = FROZEN_COPY in report["on"]
    isolation = describe_isolation(layers, report["on"], {**off, **report["off"]})
    if settings.launch:
        name = Path(settings.launch[0]).name
        isolation = replace(isolation, on=(f"launched by {name!r} (what it contains is up to it)", *isolation.on))
    shown = identify((item.name, item.path) for item in bound if item.path is not None)
    return Started(link=link, isolation=isolation, bound=shown)


def _bound(settings: Settings, layers: AbstractSet[str]) -> list[Input]:
    """Inputs that a session behind these layers is shown as they are. The others are copied into it."""
    if NAMESPACES not in layers or settings.launch:
        return []
    return [item for item in settings.files if can_be_bound(item)]


def _report_in(message: list[Any]) -> dict[str, Any]:
    if message[0] == "failed":
        raise LayerError(str(message[1]), str(message[2]), passing=bool(message[3]))
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
