"""From the options of a command to a run on the screen. Nothing heavy is imported before the run needs it."""

from collections.abc import AsyncGenerator, Callable
from functools import cache
from typing import TYPE_CHECKING

import typer

from lumo_graph.cli.complaints import complain, complaining
from lumo_graph.cli.exits import USAGE
from lumo_graph.cli.following import Place, follow
from lumo_graph.cli.given import Given
from lumo_graph.cli.storage import chosen_checkpointer, shown
from lumo_graph.cli.tracing import tracing
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import Event
from lumo_graph.types import AGENT_TYPES

if TYPE_CHECKING:
    from lumo_graph.cli.calling import CalledAgent


def follow_run(
    start: "Callable[[CalledAgent], AsyncGenerator[Event, None]]",
    place: Place,
    given: Given,
    *,
    json_lines: bool,
    trace: bool = False,
) -> int:
    """Start a run, or go on with it, and follow it to its end; the exit code."""

    @cache
    def agent() -> "CalledAgent":
        from lumo_graph.cli.calling import CalledAgent  # noqa: PLC0415 - langgraph

        return CalledAgent(place, given.model_name, list(given.tools or ()), given.options())

    with complaining(), tracing(show=trace) as begin_tracing:

        def begin() -> "AsyncGenerator[Event, None]":
            events = start(agent())  # all that the user names is loaded, and nothing has run
            begin_tracing()
            return events

        return follow(
            begin,
            lambda decision, question: agent().go_on(decision, question),
            place,
            json_lines=json_lines,
            artifacts=given.artifacts,
        )


def place_of(thread_id: str, checkpointer: str | None, given: Given, *, agent_type: str = AGENT_TYPES[0]) -> Place:
    """The place of a run, with the options that its next command needs again."""
    try:
        url = chosen_checkpointer(checkpointer)
    except ConfigurationError as error:
        complain(str(error))
        raise typer.Exit(USAGE) from None
    return Place(
        thread_id=thread_id,
        checkpointer=url,
        options={"--checkpointer": checkpointer and shown(checkpointer), **given.again()},
        run_options={"--agent-type": agent_type} if agent_type != AGENT_TYPES[0] else {},
    )
