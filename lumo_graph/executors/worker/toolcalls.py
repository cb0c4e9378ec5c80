"""Tools of the host as functions of the session's namespace."""

import asyncio
import builtins
import inspect
import sys
import threading
from ast import literal_eval
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from lumo_graph.executors.frames import FrameTooLargeError
from lumo_graph.executors.worker.channel import Channel, ClosedError
from lumo_graph.executors.worker.order import Order
from lumo_graph.executors.worker.plain import NotPlainError, Plainer
from lumo_graph.executors.worker.replaying import Replaying

MAX_CALLS = 10_000
"""Tool calls of one action."""
MAX_WAITING = 1_000
"""Tool calls of one action at the same time."""
_ARGUMENT_PARTS = 500_000
_ARGUMENT_SIZE = 16 << 20


class ToolError(RuntimeError):
    """A tool failed; the message says how."""


class _Source:
    """Something known by its source text only, as a signature shows it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class ToolCaller:
    """Makes the tool calls of the action that is running.

    Args:
        channel: to the host.
        order: whether what runs now comes at the same point whenever the action is run.
        replaying: says with each call what the action has done up to there; None: it says nothing.
    """

    def __init__(self, channel: Channel, order: Order, replaying: Replaying | None = None) -> None:
        self._channel = channel
        self._order = order
        self._replaying = replaying
        self._lock = threading.Lock()
        self._action: int | None = None
        self._filename = ""
        self._count = 0
        self._last_key = 0
        self._unawaited: dict[int, tuple[Coroutine[Any, Any, Any], str, int | None]] = {}

    @contextmanager
    def action(self, number: int, filename: str) -> Generator[None]:
        """Let calls through for as long as this action runs."""
        self._abandon()  # what a thread has asked between two actions
        self._action, self._filename, self._count = number, filename, 0
        self._last_key = number << 32  # no call of any other action has it, of one that was undone neither
        try:
            yield
        finally:
            self._action = None
            self._abandon()

    def renew(self) -> None:
        """Go on in a process that is a copy, with this thread only."""
        self._lock = threading.Lock()

    def take_unawaited(self) -> list[tuple[str, int | None]]:
        """Calls of async tools that were made but never awaited, each with its line; they are closed now."""
        left, self._unawaited = self._unawaited, {}
        for coroutine, _, _ in left.values():
            coroutine.close()
        return [(name, line) for _, name, line in left.values()]

    def call(self, name: str, arguments: dict[str, Any], signature: inspect.Signature) -> Any:
        """Make a call and wait for its result."""
        key, message = self._prepare(name, arguments, signature, self._line())
        with _explained(name), self._sending(message):
            return _result(self._channel.request(key, message))

    def call_async(self, name: str, arguments: dict[str, Any], signature: inspect.Signature) -> Any:
        """A coroutine that makes a call when it is awaited."""
        line = self._line()
        token = self._next_key()

        async def call() -> Any:
            self._unawaited.pop(token, None)
            key, message = self._prepare(name, arguments, signature, line)
            with _explained(name), self._sending(message):
                return _result(await self._channel.request_async(key, message, asyncio.get_running_loop()))

        coroutine = call()
        coroutine.__name__ = name
        self._unawaited[token] = (coroutine, name, line)
        return coroutine

    def _abandon(self) -> None:
        if self._channel.waiting:
            self._channel.abandon_requests(
                ["result", 0, False, "RuntimeError", "the action ended before the tool had answered"]
            )

    def _next_key(self) -> int:
        with self._lock:
            self._last_key += 1
            return self._last_key

    def _prepare(
        self, name: str, arguments: dict[str, Any], signature: inspect.Signature, line: int | None
    ) -> tuple[int, list[Any]]:
        if self._action is None:
            raise RuntimeError(f"{name}() was called while no action runs; tools answer only during an action")
        plain = {key: _plain_argument(name, key, value, signature) for key, value in arguments.items()}
        with self._lock:
            self._count += 1
        if self._count > MAX_CALLS:
            raise RuntimeError(f"more than {MAX_CALLS} tool calls in one action; continue in the next one")
        if self._channel.waiting >= MAX_WAITING:
            raise RuntimeError(f"more than {MAX_WAITING} tool calls at the same time; make them in batches")
        key = self._next_key()
        trace, clock = (self._replaying.trace(), self._replaying.take()) if self._replaying else (b"", b"")
        return key, ["call", self._action, key, name, plain, line, self._order.in_flow(), trace, clock]

    @contextmanager
    def _sending(self, message: list[Any]) -> Generator[None]:
        try:
            yield
        except FrameTooLargeError:
            if self._replaying is not None:
                self._replaying.give_back(message[-1])
            raise

    def _line(self) -> int | None:
        frame = sys._getframe(2)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the line is read from the caller's frame
        while frame is not None:
            if frame.f_code.co_filename == self._filename:
                return frame.f_lineno
            frame = frame.f_back
        return None


def _plain_argument(tool: str, name: str, value: Any, signature: inspect.Signature) -> Any:
    try:
        return Plainer(parts=_ARGUMENT_PARTS, size=_ARGUMENT_SIZE, binary=True, rows=_ARGUMENT_PARTS).plain(value)
    except NotPlainError as failure:
        message = f"{tool}() cannot be given argument {name}{failure.path}: {failure.reason}. Usage: {tool}{signature}"
    raise TypeError(message)


@contextmanager
def _explained(tool: str) -> Generator[None]:
    try:
        yield
    except FrameTooLargeError as failure:
        message = f"{tool}() was not called: its arguments are too large: {failure}"
    except ClosedError as failure:
        message = f"{tool}() cannot be called here: {failure}"
        raise RuntimeError(message) from None
    else:
        return
    raise ValueError(message)


def _result(reply: list[Any]) -> Any:
    if reply[2]:
        return reply[3]
    raise make_exception(reply[3], reply[4])


def make_exception(kind: str, message: str) -> Exception:
    """What a failing tool raises: the builtin exception of that name, else a ToolError."""
    known = getattr(builtins, kind, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(message)
        except TypeError:  # one that wants more than a message
            return ToolError(f"{kind}: {message}")
    return ToolError(message)


def make_tool(spec: dict[str, Any], caller: ToolCaller) -> Callable[..., Any]:
    """A function that calls a tool of the host.

    Args:
        spec: name, doc, parameters, returns and is_async, as the host describes the tool.
        caller: makes the calls.
    """
    name = spec["name"]
    signature = make_signature(spec["parameters"], spec["returns"])
    send = caller.call_async if spec["is_async"] else caller.call

    def tool(*args: Any, **kwargs: Any) -> Any:
        return send(name, bind_arguments(name, signature, args, kwargs), signature)

    tool.__name__ = tool.__qualname__ = name
    tool.__module__ = "__main__"
    tool.__doc__ = spec["doc"]
    tool.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] - how a function carries one
    if spec["is_async"]:
        _mark_async(tool)
    return tool


def _mark_async(tool: Callable[..., Any]) -> None:
    mark = getattr(inspect, "markcoroutinefunction", None)  # Python 3.12
    if mark is not None:
        mark(tool)


def bind_arguments(
    name: str, signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by their parameters' names.

    Raises:
        TypeError: they do not fit; it shows the signature.
    """
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as failure:
        message = f"{name}(): {failure}. Usage: {name}{signature}"
    raise TypeError(message)


def make_signature(parameters: list[dict[str, Any]], returns: str) -> inspect.Signature:
    """The signature of a tool, from the fields of its parameters."""
    made: list[inspect.Parameter] = []
    optional = False
    for parameter in parameters:
        default = inspect.Parameter.empty if parameter["default"] is None else _default(parameter["default"])
        # A required one behind an optional one can only be given by name.
        by_name = parameter["keyword_only"] or (optional and default is inspect.Parameter.empty)
        optional = optional or default is not inspect.Parameter.empty
        kind = inspect.Parameter.KEYWORD_ONLY if by_name else inspect.Parameter.POSITIONAL_OR_KEYWORD
        annotation = _Source(parameter["annotation"])
        made.append(inspect.Parameter(parameter["name"], kind, default=default, annotation=annotation))
    made.sort(key=lambda parameter: parameter.kind)
    return inspect.Signature(made, return_annotation=_Source(returns))


def _default(source: str) -> Any:
    try:
        return literal_eval(source)
    except (ValueError, SyntaxError):
        return _Source(source)
