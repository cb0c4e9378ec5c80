"""A session from its first message on: takes what it is given, and serves the host."""

import os
import sys
import threading
import time
from asyncio import selector_events
from collections.abc import Generator
from typing import Any

from lumo_graph.executors.jail.plan import Plan
from lumo_graph.executors.worker.channel import Channel
from lumo_graph.executors.worker.failure import describe_failure
from lumo_graph.executors.worker.folder import Folder
from lumo_graph.executors.worker.freezing import Freezer
from lumo_graph.executors.worker.interpreter import Interpreter, bounded
from lumo_graph.executors.worker.namespace import RestoreError
from lumo_graph.executors.worker.text import clean, cut


def run_session(channel: Channel, plan: Plan, report: dict[str, Any], folder: str, freezer: Freezer | None) -> None:
    """Be a session: report what contains it, load its namespace, and serve the host until it is gone.

    Args:
        channel: to the host.
        plan: what the session gets.
        report: layers in force and missing, as `contain` reports them.
        folder: its working directory.
        freezer: makes a copy before each action; None where that cannot be.
    """
    threading.excepthook = _report_thread
    channel.send(["jailed", report])
    _, hello = channel.receive()
    os.environ.update(hello["env"])
    time.tzset()
    _avoid_sending_descriptors()
    inputs = [name for name, _ in plan.inputs] + hello["inputs"]
    place = Folder(folder, max_bytes=plan.keep_files_mb << 20, inputs=inputs)
    lost: dict[str, str] = {}
    components = dict(_receive_parts(channel, hello["components"]))
    for name, content in _receive_parts(channel, hello["files"]):
        try:
            place.place(name, content, readonly=name in hello["inputs"])
        except OSError as failure:
            lost[f"file {name}"] = failure.strerror or str(failure)
    interpreter = Interpreter(channel, hello, place, freezer, cpu_seconds=plan.cpu_seconds)
    if components:
        try:
            lost |= interpreter.restore(components)
        except RestoreError as failure:
            channel.send(["refused", clean(cut(str(failure), 2_000))])
            return
    channel.send(["ready", bounded(lost)])
    interpreter.serve()


def _avoid_sending_descriptors() -> None:
    # The filter refuses `sendmsg`, which asyncio takes from Python 3.12 on where much waits. It can do without.
    if hasattr(selector_events, "_HAS_SENDMSG"):
        setattr(selector_events, "_HAS_SENDMSG", False)  # noqa: B010 - it is private, and there is no other switch


def _receive_parts(channel: Channel, count: int) -> Generator[tuple[str, bytes]]:
    """Named bytes, each of which comes in parts."""
    for _ in range(count):
        whole, name, complete = bytearray(), "", False
        while not complete:
            _, name, part, complete = channel.receive()
            whole += part
        yield name, bytes(whole)


def _report_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or isinstance(arguments.exc_value, SystemExit):
        return
    described = describe_failure(arguments.exc_value, "", {})
    name = arguments.thread.name if arguments.thread else "a thread"
    print(f"Exception in {name}:\n{described['traceback']}", file=sys.stderr)  # noqa: T201 - the code's own stream
