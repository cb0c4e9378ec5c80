"""Everything that the requests of a server share, for as long as it is up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from lumo_graph.agents import request_for, resumption
from lumo_graph.checkpoints import Checkpointer, aopen_checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.reading import aread_thread
from lumo_graph.server.answers import ThreadMissingError, log
from lumo_graph.server.chores import chores_of
from lumo_graph.server.clients import model_clients
from lumo_graph.server.making import Maker
from lumo_graph.server.running import Running, Runs
from lumo_graph.server.settings import Settings
from lumo_graph.server.turns import Turns
from lumo_graph.wire.options import Asked, run_options
from lumo_graph.wire.requests import ResumeRequest, RunRequest

_PATIENCE = 15.0
"""Seconds for runs that are being drained: each ends in good order, or is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a server does: begin runs, and go on with them."""

    settings: Settings
    saver: Checkpointer
    """Open for as long as the server: no request opens a store of its own to run in."""
    runs: Runs
    maker: Maker

    @property
    def store(self) -> str | Checkpointer:
        """Where threads are read: a URL gets a connection of its own, so that no run waits for a reader."""
        return self.settings.checkpointer

    async def start(self, request: RunRequest, *, watched: bool) -> Running:
        """Begin the run that a client asks for.

        Raises:
            ConfigurationError: something cannot be used as given.
            TooManyRunsError, DrainingError: as `Runs.start`.
        """
        asked = self.maker.asked_by(request)
        options = {
            **await asyncio.to_thread(self.maker.options, asked),
            **run_options(request, self.settings.limits),
            "checkpointer": self.saver,
            "thread_id": request.thread_id,
        }
        made = request_for(request.task, options)  # pyright: ignore[reportArgumentType] - two TypedDicts and two keys
        model = await self.maker.model(asked)
        return self.runs.start(made, model, options, asked, watched=watched, kept=request.background)  # pyright: ignore[reportArgumentType]

    async def go_on(self, thread_id: str, request: ResumeRequest, *, watched: bool) -> Running:
        """Go on with the run of a thread, with the agent that it had.

        Raises:
            ThreadMissingError: there is none.
            ConfigurationError, TooManyRunsError, DrainingError: as `start`.
        """
        stored = await aread_thread(self.store, thread_id)
        if stored is None:
            raise ThreadMissingError(thread_id)
        known = Asked.from_metadata(stored.metadata)
        asked = _with_model(known, request, thread_id)
        options = await asyncio.to_thread(self.maker.options, asked)
        made = resumption(thread_id, self.saver, options, request.decision, request.question)
        model = await self.maker.model(asked)
        return self.runs.start(made, model, options, asked, watched=watched, kept=request.background)


def _with_model(known: Asked | None, request: ResumeRequest, thread_id: str) -> Asked:
    model, base_url = request.model or (known and known.model), request.base_url or (known and known.base_url)
    if not model or not base_url:
        raise ConfigurationError(
            f"Thread {thread_id!r} was not started by this server, which does not know its model: give model and "
            "base_url."
        )
    kept = known or Asked(model=model, base_url=base_url)
    return Asked(
        model=model,
        base_url=base_url,
        tools=kept.tools,
        mcp_servers=kept.mcp_servers,
        max_results=kept.max_results,
        system_prompt=kept.system_prompt,
        planning_interval=kept.planning_interval,
    )


@asynccontextmanager
async def opened_service(settings: Settings, *, chores: bool = True) -> AsyncGenerator[Service, None]:
    """A service for the length of a `with` block. At its end what still runs is stopped, and kept.

    Args:
        settings: the operator's.
        chores: whether it does what it does by itself.

    Raises:
        ConfigurationError: the store or a tool cannot be used.
    """
    turns = Turns(concurrency=settings.concurrency, queue=settings.queue)
    runs = Runs(turns, stall_seconds=settings.stall_seconds, report=_report)
    async with (
        aopen_checkpointer(settings.checkpointer) as saver,
        model_clients(allow_private=settings.allow_private_base_urls, connections=2 * settings.concurrency) as clients,
    ):
        if saver is None:
            raise ConfigurationError("A server needs a checkpointer, such as 'sqlite:///runs.db', not None.")
        service = Service(settings=settings, saver=saver, runs=runs, maker=Maker(settings, clients))
        tasks = [asyncio.create_task(work) for work in (chores_of(service) if chores else ())]
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runs.end_all(patience=_PATIENCE)


def service_of(request: Request) -> Service:
    """The service of the server that a request came to."""
    return request.app.state.service


def _report(error: BaseException) -> None:
    log.error("A run failed.", exc_info=error)
