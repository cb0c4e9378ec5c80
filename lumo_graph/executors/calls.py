"""Serving the tool calls of an action, in daemon threads, so that a tool that hangs cannot stop the clock."""

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import replace
from itertools import islice
from queue import SimpleQueue
from typing import Any, cast

from lumo_graph.executors.checking import CallMessage
from lumo_graph.executors.frames import TO_WORKER_CAP, FrameError, FrameTooLargeError, pack
from lumo_graph.executors.worker.text import bounded_repr, clean, cut
from lumo_graph.executors.worker.toolcalls import MAX_CALLS
from lumo_graph.types import Serve, ToolCall, ToolReply, ToolRequest

MAX_THREADS = 32
"""Tool calls of one session that are served at the same time; more wait."""
_PREVIEW = 500
_SHORT_PARTS = 50
_STILL_RUNNING = "had not returned when the action ended; it may still take effect"
_NOT_BEGUN = "was not made: the action had ended"
_ERROR = 4_000


class Threads:
    """Daemon threads of one session, started when there is work for them."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._started = 0

    def run(self, job: Callable[[], None]) -> None:
        """Run a job soon."""
        with self._lock:
            self._unfinished += 1
            start = self._unfinished > self._started and self._started < MAX_THREADS
            self._started += start
        self._jobs.put(job)
        if start:
            threading.Thread(target=self._work, name="lumo-tools", daemon=True).start()

    def close(self) -> None:
        """Let the threads end when they have finished what they do."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            finally:
                del job  # it holds the action's agent, and this thread may wait for the next one for ever
                with self._lock:
                    self._unfinished -= 1


class Calls:
    """The tool calls of one action: each is served once, recorded, and answered while the action lasts."""

    def __init__(
        self,
        *,
        serve: Serve,
        context: Context,
        threads: Threads,
        send: Callable[[bytes], None],
        wake: Callable[[], None],
    ) -> None:
        self._serve = serve
        self._context = context
        self._threads = threads
        self._send = send
        self._wake = wake
        self._lock = threading.Lock()
        self._records: list[ToolCall] = []
        self._waiting: dict[int, tuple[Context, ToolRequest]] = {}
        self._open = True
        self.failure: BaseException | None = None
        """What `serve` raised. The action is to be abandoned."""

    def submit(self, message: CallMessage, *, clock_at: int = 0) -> None:
        """Serve a call in a thread.

        Args:
            message: the call.
            clock_at: where in the clock of its action the times begin that came with it.

        Raises:
            FrameError: there were too many.
        """
        seq = len(self._records)
        if seq >= MAX_CALLS:
            raise FrameError(f"more than {MAX_CALLS} tool calls in one action")
        record = ToolCall(name=message.name, args=_bounded(message.args), ok=False, preview=_NOT_BEGUN)
        self._records.append(record)
        request = ToolRequest(
            seq=seq,
            name=message.name,
            args=message.args,
            line=message.line,
            in_order=message.in_order,
            trace=message.trace,
            clock=message.clock,
            clock_at=clock_at,
        )
        # Not in the job: it waits for a thread that may be busy long after the action is over.
        self._waiting[seq] = self._context.copy(), request
        key = message.key
        self._threads.run(lambda: self._begin(seq, key))

    def close(self) -> tuple[ToolCall, ...]:
        """Answer no more; returns the calls, in the order they came."""
        with self._lock:
            self._open = False
            self._waiting.clear()
            return tuple(self._records)

    def _begin(self, seq: int, key: int) -> None:
        if (waiting := self._waiting.pop(seq, None)) is not None:
            context, request = waiting
            context.run(self._answer, request, key)

    def _answer(self, request: ToolRequest, key: int) -> None:
        with self._lock:
            if not self._open:
                return
            record = self._records[request.seq]
            self._records[request.seq] = replace(record, finished=False, preview=_STILL_RUNNING)
        started = time.perf_counter()
        try:
            reply = self._serve(request)
            data, reply = _pack_reply(request, reply, key)
        except BaseException as failure:  # noqa: BLE001 - raised again by the thread that runs the action
            self.failure = failure
            self._wake()
            return
        record = replace(
            record,
            finished=True,
            ok=reply.error is None,
            preview=bounded_repr(reply.value, _PREVIEW) if reply.error is None else cut(reply.error, _PREVIEW),
            seconds=time.perf_counter() - started,
        )
        with self._lock:
            if not self._open:
                return
            self._records[request.seq] = record
        self._send(data)


def _bounded(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a record keeps them: what is short as it is, of the rest a preview."""
    return {name: value if _is_short(value) else bounded_repr(value, _PREVIEW) for name, value in args.items()}


def _is_short(value: Any) -> bool:
    room, waiting = _PREVIEW, [value]
    for _ in range(_SHORT_PARTS):
        if not waiting:
            return True
        part = waiting.pop()
        if isinstance(part, (str, bytes)):
            room -= len(part)
        elif isinstance(part, dict):
            pairs = cast("Mapping[Any, Any]", part)
            waiting += islice((side for pair in pairs.items() for side in pair), _SHORT_PARTS)
        elif isinstance(part, list):
            waiting += cast("list[Any]", part)[:_SHORT_PARTS]
        if room < 0:
            return False
    return False


def _pack_reply(request: ToolRequest, reply: ToolReply, key: int) -> tuple[bytes, ToolReply]:
    if reply.error is not None:
        reply = replace(reply, error=cut(clean(reply.error), _ERROR))
        return pack(["result", key, False, reply.error_type, reply.error], TO_WORKER_CAP), reply
    try:
        return pack(["result", key, True, reply.value], TO_WORKER_CAP), reply
    except FrameTooLargeError as failure:
        error = f"the result of {request.name}() is too large: {failure}. Ask for less at a time."
        kind = "ValueError"
    except Exception as failure:  # noqa: BLE001 - whatever msgpack finds wrong with it
        error = f"the result of {request.name}() is not plain data: {failure}"
        kind = "TypeError"
    failed = ToolReply(error=cut(clean(error), _ERROR), error_type=kind)
    return pack(["result", key, False, failed.error_type, failed.error], TO_WORKER_CAP), failed
