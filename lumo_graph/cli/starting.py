"""From the options of a command to a run on the screen. Nothing heavy is imported before the run needs it."""

from collections.abc import AsyncGenerator, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from lumo_graph.cli.complaints import complain, complaining
from lumo_graph.cli.exits import USAGE
from lumo_graph.cli.following import Place, follow
from lumo_graph.cli.storage import chosen_checkpointer, shown
from lumo_graph.cli.tracing import tracing
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import Event
from lumo_graph.types import AGENT_TYPES

if TYPE_CHECKING:
    from lumo_graph.cli.calling import CalledAgent
    from lumo_graph.options import AgentOptions

NO_MODEL = "no model is given. Name one with --model or LUMO_MODEL:"
MODEL_EXAMPLES = """\
  OpenAI      --model openai:gpt-4.1-nano                 (key: OPENAI_API_KEY)
  Ollama      --model openai:qwen3 --base-url http://localhost:11434/v1
  vLLM        --model openai:Qwen/Qwen3-8B --base-url http://localhost:8000/v1
  llama.cpp   --model openai:local --base-url http://localhost:8080/v1
  your own    --model models.py:my_model                  (a LangChain model)"""


def checked_model(model: str | None) -> str:
    """The model that was named, or the end of the command."""
    if model is not None and model.strip():
        return model.strip()
    complain(NO_MODEL, MODEL_EXAMPLES, "`lumo demo` needs no model.")
    raise typer.Exit(USAGE)


def agent_options(
    base_url: str | None,
    file: list[str] | None,
    system_prompt: str | None,
    planning_interval: int | None,
    interrupt_on: list[str] | None,
) -> "AgentOptions":
    """The options of a command as those of an agent."""
    return {
        "base_url": base_url,
        "files": file or (),
        "system_prompt": system_prompt,
        "planning_interval": planning_interval,
        "interrupt_on": dict.fromkeys(interrupt_on or (), True),
    }


def follow_run(
    start: "Callable[[CalledAgent], AsyncGenerator[Event, None]]",
    place: Place,
    model: str,
    tools: list[str] | None,
    options: "AgentOptions",
    *,
    json_lines: bool,
    artifacts: str | None,
    trace: bool = False,
) -> int:
    """Start a run, or go on with it, and follow it to its end; the exit code."""

    @cache
    def agent() -> "CalledAgent":
        from lumo_graph.cli.calling import CalledAgent  # noqa: PLC0415 - langgraph

        return CalledAgent(place, model, tools or [], options)

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
            artifacts=artifacts,
        )


def place_of(thread_id: str, checkpointer: str | None, *, agent_type: str = AGENT_TYPES[0], **options: Any) -> Place:
    """The place of a run, with the options that its next command needs again."""
    try:
        url = chosen_checkpointer(checkpointer)
    except ConfigurationError as error:
        complain(str(error))
        raise typer.Exit(USAGE) from None
    given = {"checkpointer": checkpointer and shown(checkpointer), **options}
    return Place(
        thread_id=thread_id,
        checkpointer=url,
        options={
            f"--{name.replace('_', '-')}": str(value) if isinstance(value, int) else value
            for name, value in given.items()
        },
        run_options={"--agent-type": agent_type} if agent_type != AGENT_TYPES[0] else {},
    )
