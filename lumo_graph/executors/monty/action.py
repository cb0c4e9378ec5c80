"""One action in Monty: answers what the code asks for, serves its tool calls, and watches the clock."""

import inspect
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any, get_args

from lumo_graph.executors.calls import Threads
from lumo_graph.executors.monty.values import describe, plain_argument, plain_result
from lumo_graph.executors.monty.worker import Worker
from lumo_graph.executors.worker.plain import NotPlainError
from lumo_graph.executors.worker.text import bounded_repr, clean, cut
from lumo_graph.executors.worker.toolcalls import MAX_CALLS, bind_arguments, make_exception, make_signature
from lumo_graph.executors.worker.values import describe_answer
from lumo_graph.types import Serve, ToolCall, ToolReply, ToolRequest, ToolSpec, Value

Answer = dict[str, Any]
"""What Monty is told: `return_value`, `exception` or `future`."""

_PREVIEW = 500
_ERROR = 4_000
_EXIT = "exit() does not end the run and ends nothing here: call final_answer(...) with the answer instead."
_INPUT = "input() has nobody to ask: put the values into the code, or call final_answer(...) with a question."
GIVEN = ("final_answer", "exit", "quit", "input")
"""Functions that every session has beside its tools."""


class StoppedError(Exception):
    """The action was stopped while it waited for something outside of the interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unawaited:
    """A call of an async tool that was not made, because nothing waited for it."""

    name: str
    line: int | None


class RunningAction:
    """One action between its start and its end.

    Args:
        worker: the interpreter.
        tools: what the code may call.
        serve: answers the calls.
        context: that calls are served in.
        threads: that serve them.
    """

    def __init__(
        self, worker: Worker, *, tools: Mapping[str, ToolSpec], serve: Serve, context: Context, threads: Threads
    ) -> None:
        self._worker = worker
        self._tools = tools
        self._serve = serve
        self._context = context
        self._threads = threads
        self._code = b""
        self._lock = threading.Lock()
        self._records: list[ToolCall] = []
        self._replies: SimpleQueue[tuple[int, Answer] | None] = SimpleQueue()
        self._answers: dict[int, Answer] = {}
        self._waiting: dict[int, Callable[[], None]] = {}
        self._unawaited: dict[int, Unawaited] = {}
        self._timers: list[threading.Timer] = []
        self._over = False
        self.stopped: str | None = None
        """Why the action was stopped: `TimeoutError` or `KeyboardInterrupt`."""
        self.failure: BaseException | None = None
        """What `serve` or `write` raised. The action is to be abandoned."""
        self.answer: Value | None = None
        """What was given to `final_answer`."""

    def run(self, code: str, write: Callable[[str, str], None]) -> Any:
        """Run the action; gives the value of its last expression.

        Raises:
            MontyError: the code failed, or its interpreter died.
            StoppedError: it was stopped.
        """
        self._code = code.encode()
        step = self._worker.start(code, print_callback=self._written(write))
        while not isinstance(step, self._worker.monty.MontyComplete):
            if self.stopped or self.failure:
                raise StoppedError
            step = self._advance(step)
        return step.output

    def stop(self, kind: str) -> None:
        """Stop the action, from any thread; its interpreter does not survive that."""
        with self._lock:
            if self._over:
                return
            self.stopped = self.stopped or kind
        self._abort()

    def close(self) -> tuple[ToolCall, ...]:
        """Take no more replies, and nothing that stops it. Gives the calls in the order they were made."""
        with self._lock:
            self._over = True
            for timer in self._timers:
                timer.cancel()
            return tuple(self._records)

    @property
    def unawaited(self) -> Unawaited | None:
        """The first call of an async tool that nothing has waited for."""
        return next((self._unawaited[key] for key in self._waiting if key in self._unawaited), None)

    # -- what the code asks for ----------------------------------------------------------------------------------------

    def _advance(self, step: Any) -> Any:
        monty = self._worker.monty
        if isinstance(step, monty.NameLookupSnapshot):
            return self._look_up(step)
        if isinstance(step, monty.FutureSnapshot):
            return step.resume(self._settle(list(step.pending_call_ids)))
        if step.is_os_function:
            return self._operate(step)
        return step.resume(self._call(step))

    def _look_up(self, step: Any) -> Any:
        name = str(step.variable_name)
        if name in self._tools or name in GIVEN:
            return step.resume(value=_function(name))
        return step.resume()

    def _operate(self, step: Any) -> Any:
        if step.function_name == "time.sleep":
            self._wait_for(step.call_id, lambda: self._wake_after(step.call_id, float(step.args[0])))
            return step.resume(self._answers.pop(step.call_id))
        if step.function_name == "asyncio.sleep":
            self._waiting[step.call_id] = lambda: self._wake_after(step.call_id, float(step.args[0]))
            return step.resume({"future": ...})
        return step.resume_not_handled()

    def _call(self, step: Any) -> Answer:
        name = str(step.function_name)
        if name == "final_answer":
            return self._give_answer(step)
        if name in ("exit", "quit"):
            return {"exception": SystemExit(_EXIT)}
        if name == "input":
            return {"exception": RuntimeError(_INPUT)}
        if name not in self._tools:
            return {"exception": NameError(f"name {name!r} is not defined")}
        return self._call_tool(self._tools[name], step)

    def _give_answer(self, step: Any) -> Answer:
        try:
            given = _ANSWER_SIGNATURE.bind(*step.args, **step.kwargs).arguments["answer"]
        except TypeError as failure:
            return {"exception": TypeError(f"final_answer(): {failure}")}
        self.answer = self.answer or describe(given, describe_answer)
        return {"exception": SystemExit("the answer is given")}

    def _call_tool(self, tool: ToolSpec, step: Any) -> Answer:
        signature = make_signature([asdict(parameter) for parameter in tool.parameters], tool.returns)
        try:
            bound = bind_arguments(tool.name, signature, step.args, dict(step.kwargs))
            args = {name: _plain(tool.name, name, value) for name, value in bound.items()}
        except TypeError as failure:
            return {"exception": failure}
        key, line = int(step.call_id), self._line(step)
        if tool.is_async or step.allow_eager_await or self._is_awaited(step):
            # Made when something is waited for: then those before it are under way too.
            self._waiting[key] = lambda: self._begin(key, tool.name, args, line)
            if tool.is_async:
                self._unawaited[key] = Unawaited(name=tool.name, line=line)
            return {"future": ...}
        self._wait_for(key, lambda: self._begin(key, tool.name, args, line))
        return self._answers.pop(key)

    # -- what is outside of the interpreter ----------------------------------------------------------------------------

    def _begin(self, key: int, name: str, args: dict[str, Any], line: int | None) -> None:
        seq = len(self._records)
        if seq >= MAX_CALLS:
            text = f"more than {MAX_CALLS} tool calls in one action; continue in the next one"
            self._replies.put((key, {"exception": RuntimeError(text)}))
            return
        self._records.append(ToolCall(name=name, args=args, ok=False, preview="was not answered"))
        request = ToolRequest(seq=seq, name=name, args=args, line=line)
        context = self._context.copy()
        self._threads.run(lambda: context.run(self._reply, request, key))

    def _reply(self, request: ToolRequest, key: int) -> None:
        if self._over:
            return
        started = time.perf_counter()
        try:
            answer, reply = self._answer(request, self._serve(request))
        except BaseException as failure:  # noqa: BLE001 - raised again by the thread that runs the action
            self._abandon(failure)
            return
        record = ToolCall(
            name=request.name,
            args=request.args,
            ok=reply.error is None,
            preview=bounded_repr(reply.value, _PREVIEW) if reply.error is None else cut(reply.error, _PREVIEW),
            seconds=time.perf_counter() - started,
        )
        with self._lock:
            if self._over:
                return
            self._records[request.seq] = record
        self._replies.put((key, answer))

    def _answer(self, request: ToolRequest, reply: ToolReply) -> tuple[Answer, ToolReply]:
        if reply.error is None:
            try:
                return {"return_value": plain_result(reply.value)}, reply
            except NotPlainError as failure:
                text = f"the result of {request.name}(){failure.path} is not plain data: {failure.reason}"
                reply = ToolReply(error=text, error_type="TypeError")
        message = cut(clean(reply.error or ""), _ERROR)
        known = get_args(self._worker.monty.ExcType)
        kinds = [kind.__name__ for kind in type(make_exception(reply.error_type, "")).__mro__]
        # Monty does not know every builtin exception; the closest it knows can be caught.
        found = next((kind for kind in kinds if kind in known and kind not in ("Exception", "BaseException")), None)
        if found is None:
            found, message = "RuntimeError", f"{reply.error_type}: {message}"
        return {"exc_type": found, "message": message}, reply

    def _wake_after(self, key: int, seconds: float) -> None:
        timer = threading.Timer(min(max(seconds, 0.0), threading.TIMEOUT_MAX), self._replies.put, [(key, _NOTHING)])
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _settle(self, keys: list[int]) -> dict[int, Answer]:
        """Begin what was asked for and wait until something of it is there."""
        for key in keys:
            if (begin := self._waiting.pop(key, None)) is not None:
                begin()
        while keys and not any(key in self._answers for key in keys):
            self._take()
        return {key: self._answers.pop(key) for key in keys if key in self._answers}

    def _wait_for(self, key: int, begin: Callable[[], None]) -> None:
        begin()
        while key not in self._answers:
            self._take()

    def _take(self) -> None:
        reply = self._replies.get()
        if reply is None or self.stopped or self.failure:
            raise StoppedError
        self._answers[reply[0]] = reply[1]

    def _written(self, write: Callable[[str, str], None]) -> Callable[[str, str], None]:
        def written(stream: str, text: str) -> None:
            if self.failure is None:
                try:
                    write(stream, text)
                except BaseException as failure:  # noqa: BLE001 - Monty would give it to the code
                    self._abandon(failure)

        return written

    def _abandon(self, failure: BaseException) -> None:
        with self._lock:
            if self._over:
                return
            self.failure = self.failure or failure
        self._abort()

    def _abort(self) -> None:
        self._worker.kill()
        self._replies.put(None)

    def _line(self, step: Any) -> int | None:
        if step.position.filename != self._worker.file:
            return None
        return self._code[: step.position.start].count(b"\n") + 1

    def _is_awaited(self, step: Any) -> bool:
        """Whether the code says `await` before the call: then it wants something that can be awaited."""
        if step.position.filename != self._worker.file:
            return False
        return self._code[: step.position.start].rstrip().endswith(b"await")


_NOTHING: Answer = {"return_value": None}
_ANSWER_SIGNATURE = inspect.Signature([inspect.Parameter("answer", inspect.Parameter.POSITIONAL_OR_KEYWORD)])


def _plain(tool: str, name: str, value: Any) -> Any:
    try:
        return plain_argument(value)
    except NotPlainError as failure:
        raise TypeError(f"{tool}() cannot be given argument {name}{failure.path}: {failure.reason}") from None


def _function(name: str) -> Callable[[], None]:
    """What stands for a function of the host. Monty asks for every call of it, and never makes one itself."""

    def function() -> None:
        raise NotImplementedError(name)

    function.__name__ = function.__qualname__ = name
    return function
