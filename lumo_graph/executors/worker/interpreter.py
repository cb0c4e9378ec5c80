"""The session's interpreter: takes actions from the host, runs them in one namespace, and says what they did."""

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lumo_graph.executors.frames import CHUNK, FrameTooLargeError
from lumo_graph.executors.jail.limits import limited_processor
from lumo_graph.executors.worker.action import Action, Runner, compile_action, name_action
from lumo_graph.executors.worker.channel import Channel, ClosedError
from lumo_graph.executors.worker.describe import Seen, describe_variables, find_changes
from lumo_graph.executors.worker.failure import describe_failure
from lumo_graph.executors.worker.folder import Folder
from lumo_graph.executors.worker.freezing import Freezer, Thawed
from lumo_graph.executors.worker.home import Essentials, make_home
from lumo_graph.executors.worker.imports import allow_imports
from lumo_graph.executors.worker.leftovers import count_processes, running_threads
from lumo_graph.executors.worker.namespace import NamespaceTracker, restore_namespace
from lumo_graph.executors.worker.order import Order
from lumo_graph.executors.worker.replaying import Replaying
from lumo_graph.executors.worker.streams import (
    flush_streams,
    hear_output,
    keep_streams,
    renew_streams,
    repair_descriptors,
)
from lumo_graph.executors.worker.text import bounded_repr, class_name, clean, cut
from lumo_graph.executors.worker.toolcalls import ToolCaller, ToolError, make_tool
from lumo_graph.executors.worker.values import describe_answer, describe_result
from lumo_graph.executors.worker.waiting import hide_child

_RESERVE = 8 << 20  # bytes that are given up to report that there are no others
_EXIT_ADVICE = "exit() does not end the run and ends nothing here: call final_answer(...) with the answer instead."


class _AnsweredError(SystemExit):
    """Ends the action that has given its answer. A SystemExit, because that also ends a thread quietly."""


class Interpreter:
    """One namespace and the actions that run in it."""

    def __init__(
        self,
        channel: Channel,
        hello: dict[str, Any],
        folder: Folder,
        freezer: Freezer | None,
        *,
        cpu_seconds: float | None = None,
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._cpu_seconds = cpu_seconds
        self._freezer = freezer
        if freezer is not None:
            hide_child(lambda: freezer.copy)
        self._owner = os.getpid()
        self._home = make_home()
        if hello["imports"] is not None:
            allow_imports(self._home.__builtins__, hello["imports"])
        self._essentials = Essentials(self._home)
        self._namespace: dict[str, Any] = vars(self._home)
        self._order = Order()
        self._runner = Runner(self._namespace, self._order)
        self._replaying: Replaying | None = None
        if hello["deterministic"]:
            self._replaying = Replaying(self._order)
            self._replaying.install()
            hear_output(self._replaying.hear)
        self._caller = ToolCaller(channel, self._order, self._replaying)
        self._given: dict[str, Any] = {tool["name"]: make_tool(tool, self._caller) for tool in hello["tools"]}
        self._given |= {"final_answer": self._final_answer(), "ToolError": ToolError}
        self._namespace.update(self._given)
        self._tracker = NamespaceTracker(self._namespace, reserved=self._given)
        self._actions = 0
        self._answer: dict[str, Any] | None = None
        self._reserve: bytes | None = None
        self._seen: dict[str, Seen] | None = None

    def restore(self, components: dict[str, bytes]) -> dict[str, str]:
        """Load a namespace that was saved.

        Returns:
            What is missing from it: path to reason.

        Raises:
            RestoreError: it cannot be loaded here.
        """
        self._tracker = restore_namespace(
            components, self._namespace, reserved=self._given, announce=lambda key: self._channel.send(["loading", key])
        )
        self._namespace.update(self._given)
        return self._tracker.unsaved

    def serve(self) -> None:
        """Do what the host asks until it is gone."""
        while True:
            message = self._channel.receive()
            if message[0] == "exec":
                if not self._freeze(message[1], message[3]):
                    self._execute(*message[1:3], *message[4:])
            elif message[0] == "snapshot":
                self._snapshot()

    def _freeze(self, number: int, word: str) -> bool:
        # Returns twice: False in the process that goes on, and True in its copy if that has to take its place.
        if self._freezer is None:
            return False
        made = self._freezer.freeze(word)
        if isinstance(made, str):
            self._channel.send(["unfrozen", number, made])
        if not isinstance(made, Thawed):
            return False
        self._channel.renew(socket.socket(fileno=made.data))
        self._owner = os.getpid()
        self._caller.renew()
        self._runner.renew()
        if made.threads:
            renew_streams()
        self._channel.send(["thawed", made.threads])
        return True

    def _execute(self, number: int, code: str, seed: bytes | None, clock: bytes) -> None:
        if self._replaying is None:
            with self._order.action():
                done = self._run_whole(number, code)
            last = b""
        else:
            with self._replaying.action(seed, clock):
                done = self._run_whole(number, code)
            last = self._replaying.end()
        self._channel.send(["done", number, {**done, "clock": last}])

    def _run_whole(self, number: int, code: str) -> dict[str, Any]:
        self._actions += 1
        self._answer = None
        results: list[dict[str, Any]] = []
        if self._seen is None:
            self._seen = self._variables()
        if self._reserve is None:
            with suppress(MemoryError):  # it is all in use still
                self._reserve = bytes(_RESERVE)  # addresses only: no page of it is ever touched
        self._essentials.repair()
        self._folder.enter()
        repair_descriptors()
        error = self._run(number, code, results)
        if os.getpid() != self._owner:
            os._exit(0)  # a child that the code forked has come to the end of the action too
        sys.settrace(None)
        sys.setprofile(None)
        flush_streams()
        after = self._variables()
        changed = {} if error is None else find_changes(self._seen, after)
        self._seen = after
        return {
            "value": results[0] if results else None,
            "answer": self._answer,
            "error": error,
            "variables": {name: seen.text for name, seen in after.items()},
            "changed": changed,
            "threads": running_threads(),
            "processes": 0 if self._freezer is None else count_processes(self._freezer.copy),
        }

    def _run(self, number: int, code: str, results: list[dict[str, Any]]) -> dict[str, Any] | None:
        filename = name_action(code, self._actions)
        try:
            action = compile_action(code, filename)
        except BaseException as failure:  # noqa: BLE001 - reported, like everything the code does
            return describe_failure(failure, filename, self._namespace)

        def ended(value: Any) -> None:
            if value is not None:
                results.append(describe_result(value))

        try:
            with (
                keep_streams(),
                limited_processor(self._cpu_seconds),
                self._caller.action(number, action.filename),
            ):
                self._runner.run(action, ended)
        except _AnsweredError:
            error = None
        except BaseException as failure:  # noqa: BLE001 - reported, like everything the code does
            error = self._describe(failure, action)
        else:
            error = None
        unawaited = self._find_unawaited(action)
        return unawaited if error is None else error

    def _describe(self, failure: BaseException, action: Action) -> dict[str, Any]:
        if isinstance(failure, MemoryError):
            self._reserve = None
        try:
            described = describe_failure(failure, action.filename, self._namespace)
        except BaseException as second:  # noqa: BLE001 - hostile exceptions
            reason = f"the exception could not be described: {class_name(type(second))}"
            described = describe_failure(RuntimeError(reason), "", {})
        if isinstance(failure, MemoryError) and not described["message"]:
            described["message"] = "The action needs more memory than its session has."
        if isinstance(failure, SystemExit):
            described["kind"] = "SystemExit"
            described["message"] = f"{_EXIT_ADVICE} (exit status: {bounded_repr(failure.code)})"
        return described

    def _find_unawaited(self, action: Action) -> dict[str, Any] | None:
        left = self._caller.take_unawaited()
        if not left or self._answer is not None:
            return None
        name, line = left[0]
        message = f"{name}(...) is async: its call was never awaited, so it was not made. Write `await {name}(...)`."
        described = describe_failure(RuntimeError(message), action.filename, self._namespace)
        return {**described, "line": line}

    def _final_answer(self) -> Callable[[Any], None]:
        def final_answer(answer: Any) -> None:
            """End the run with this answer: any object."""
            described = describe_answer(answer)
            if self._answer is None:
                self._answer = described
            raise _AnsweredError(0)

        final_answer.__qualname__ = "final_answer"
        final_answer.__module__ = "__main__"
        return final_answer

    def _variables(self) -> dict[str, Seen]:
        for name, given in self._given.items():
            if self._namespace.get(name) is not given:
                if name in self._namespace:
                    print(f"{name} is the name of a tool: the variable was dropped, use another name.", file=sys.stderr)  # noqa: T201 - the code's own stream
                self._namespace[name] = given
        flush_streams()
        try:
            return describe_variables(self._namespace, reserved=self._given)
        except BaseException:  # noqa: BLE001 - a namespace that changes under our hands, or no memory left
            return {}

    def _snapshot(self) -> None:
        try:
            changed, unsaved = self._tracker.snapshot()
            for name, blob in changed.items():
                self._send_parts("component", name, blob)
            for name, content in self._folder.changes(unsaved):
                self._send_parts("file", name, content)
            self._channel.send(["snapped", bounded(unsaved)])
        except (ClosedError, FrameTooLargeError):
            raise
        except BaseException as failure:  # noqa: BLE001 - pickling runs the code of objects
            self._channel.send(["refused", f"{type(failure).__name__}: {bounded_repr(str(failure), 500)}"])

    def _send_parts(self, kind: str, name: str, blob: bytes | None) -> None:
        if blob is None:
            self._channel.send([kind, name, None, True])
            return
        for start in range(0, max(len(blob), 1), CHUNK):
            end = start + CHUNK
            self._channel.send([kind, name, blob[start:end], end >= len(blob)])


def bounded(reasons: dict[str, str]) -> dict[str, str]:
    """Paths and reasons as the host takes them."""
    return {clean(cut(str(path), 300)): clean(cut(str(reason), 500)) for path, reason in list(reasons.items())[:1000]}
