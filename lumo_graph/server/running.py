"""The runs of a server: each a task of its own, which its client may leave and the server waits for."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel

from lumo_graph.agents import Request, aopened
from lumo_graph.draining import is_draining
from lumo_graph.events import Answered, Event, RunResult
from lumo_graph.options import AgentOptions, RunOptions
from lumo_graph.runs import aevents, akeep
from lumo_graph.server.turns import Turns
from lumo_graph.wire.failures import Failed, failed
from lumo_graph.wire.options import ASKED, Asked

_EVENTS_WAITING = 256
"""Events that wait for a client that reads slowly; then the run waits too."""
_FAILURES_KEPT = 1000


class DrainingError(Exception):
    """The server is about to end."""

    def __init__(self, thread_id: str | None = None) -> None:
        super().__init__(thread_id)
        self.thread_id = thread_id
        """The thread that is kept; None if nothing was begun."""


class StalledError(Exception):
    """The client does not read."""


class Running:
    """A run that goes on.

    Args:
        thread_id: of its thread.
        watched: whether somebody reads its events.
        kept: whether it is stored what it is asked before it has begun, so that it survives the server from then on.
        stall_seconds: for which an event may wait to be read.
    """

    def __init__(self, thread_id: str, *, watched: bool, kept: bool, stall_seconds: float) -> None:
        self.thread_id = thread_id
        self.is_kept = kept
        self._watched = watched
        self._stall_seconds = stall_seconds
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(_EVENTS_WAITING)
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        """Done once everything is checked and the thread is the run's, which may wait for its turn then."""
        self.ended: asyncio.Future[RunResult] = loop.create_future()
        self.task: asyncio.Task[None] | None = None
        self._is_over = False

    async def result(self) -> RunResult:
        """What it came to.

        Raises:
            DrainingError: it was stopped because the server ends; the thread can be gone on with.
            Exception: what it has failed with.
        """
        await asyncio.wait([self.ended])
        if self.ended.cancelled():
            raise DrainingError(self.thread_id)
        return self.ended.result()

    async def take(self, seconds: float) -> Event | None:
        """What happens next in it; None at its end, when `ended` says how it was.

        Raises:
            TimeoutError: nothing happens for so long.
        """
        if self._is_over:
            return None
        async with asyncio.timeout(seconds):
            event = await self._events.get()
        self._is_over = event is None
        return event

    def cancel(self) -> None:
        """Nobody wants its answer any more: its session ends, its thread is free."""
        if self.task is not None:
            self.task.cancel()

    async def follow(self, events: AsyncGenerator[Event, None]) -> RunResult:
        """Pass on what happens; the result."""
        async for event in events:
            if isinstance(event, Answered):
                return event.result
            if self._watched:
                await self._put(event)
        raise RuntimeError("a run ended without a result")  # it has always one, or raises

    def end(self, result: RunResult | BaseException) -> None:
        """Say how it ended."""
        for future in (self.begun, self.ended):
            if future.done():
                continue
            if isinstance(result, asyncio.CancelledError):
                future.cancel()
            elif isinstance(result, BaseException):
                future.set_exception(result)
                future.exception()  # seen, also if nobody is there any more
            elif future is self.ended:
                self.ended.set_result(result)
        if self._events.full():
            self._events.get_nowait()  # of a client that does not read
        self._events.put_nowait(None)

    async def _put(self, event: Event) -> None:
        try:
            async with asyncio.timeout(self._stall_seconds):
                await self._events.put(event)
        except TimeoutError:
            raise StalledError from None


class Runs:
    """All of them.

    Args:
        turns: when each goes on.
        stall_seconds: after which a client that does not read is gone.
        report: is told of what nobody expected.
    """

    def __init__(self, turns: Turns, *, stall_seconds: float, report: Callable[[BaseException], object]) -> None:
        self._turns = turns
        self._stall_seconds = stall_seconds
        self._report = report
        self._running: dict[Running, str] = {}
        self._failures: OrderedDict[str, Failed] = OrderedDict()

    def start(
        self,
        request: Request,
        model: BaseChatModel,
        options: AgentOptions | RunOptions,
        asked: Asked,
        *,
        watched: bool,
        kept: bool,
    ) -> Running:
        """Begin a run, or go on with one.

        Args:
            request: what is asked of the agent; it has a thread.
            model: the model.
            options: the rest of the agent.
            asked: all that in a form that can be stored.
            watched: whether somebody will read the events.
            kept: whether it is stored before `Running.begun`.

        Raises:
            TooManyRunsError: too many go on and wait.
            DrainingError: the server is about to end.
        """
        if is_draining():
            raise DrainingError
        self._turns.enter()
        running = Running(str(request.thread_id), watched=watched, kept=kept, stall_seconds=self._stall_seconds)
        self._running[running] = running.thread_id
        self._failures.pop(running.thread_id, None)
        running.task = asyncio.create_task(self._drive(running, request, model, options, asked))
        running.task.add_done_callback(lambda _: self._forget(running))
        return running

    def is_running(self, thread_id: str) -> bool:
        """Whether a run of this server drives the thread, or is about to."""
        return thread_id in self._running.values()

    def failure_of(self, thread_id: str) -> Failed | None:
        """Why the last run of the thread failed here; None if it did not, or that is long ago."""
        return self._failures.get(thread_id)

    async def end_all(self, *, patience: float) -> None:
        """See all end that go on. What is stored of them can be gone on with.

        Args:
            patience: seconds for those that are being drained; then, and without a drain, they are cancelled.
        """
        if is_draining() and (tasks := self._tasks()):
            await asyncio.wait(tasks, timeout=patience)
        for running in list(self._running):
            running.cancel()
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [one.task for one in self._running if one.task is not None and not one.task.done()]

    async def _drive(
        self,
        running: Running,
        request: Request,
        model: BaseChatModel,
        options: AgentOptions | RunOptions,
        asked: Asked,
    ) -> None:
        try:
            async with aopened(model, options, request) as agent:
                metadata: dict[str, Any] = {ASKED: asked.to_text()}
                kept = replace(agent, config={**agent.config, "metadata": metadata})
                if running.is_kept:
                    if not request.resumes or await agent.aended(request) is None:
                        await akeep(kept, request)
                    request = replace(request, input=None, question=None)
                running.begun.set_result(None)
                async with self._turns.turn(), aclosing(aevents(kept, request)) as events:
                    result = await running.follow(events)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the run gets it
            self._note(running, error)
            running.end(error)
        else:
            drained = is_draining() and result.outcome == "interrupted" and not result.pending
            running.end(DrainingError(running.thread_id) if drained else result)

    def _note(self, running: Running, error: BaseException) -> None:
        has_begun = running.begun.done() and not running.begun.cancelled()
        if not has_begun or isinstance(error, (asyncio.CancelledError, StalledError)):
            return  # another run may have the thread, and is not to blame
        told = failed(error, running.thread_id)
        self._failures[running.thread_id] = told
        while len(self._failures) > _FAILURES_KEPT:
            self._failures.popitem(last=False)
        if told.error in {"Internal error", "Sandbox failed"}:
            self._report(error)

    def _forget(self, running: Running) -> None:
        self._turns.leave()
        del self._running[running]
