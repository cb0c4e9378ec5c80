"""The agent of one command: its model and its tools are loaded once, when it is called for the first time."""

from collections.abc import AsyncGenerator, Mapping
from functools import cached_property
from typing import Any

from langchain_core.language_models import BaseChatModel

from lumo_graph.cli.following import Place
from lumo_graph.cli.loading import load_model, load_tools
from lumo_graph.cli.storage import snapshot_key
from lumo_graph.events import Event
from lumo_graph.options import AgentOptions
from lumo_graph.runs import aresume_stream, astream


class CalledAgent:
    """Begins a run, and goes on with it.

    Args:
        place: where the run is stored.
        model: as `--model` names it.
        tools: as `--tools` names them.
        options: the rest.
    """

    def __init__(self, place: Place, model: str, tools: list[str], options: AgentOptions) -> None:
        self._place = place
        self._named_model = model
        self._named_tools = tools
        self._given = options

    def start(self, task: str, options: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
        """Run a task, with the options that only a run has."""
        return astream(
            task,
            self._model,
            thread_id=self._place.thread_id,
            checkpointer=self._place.checkpointer,
            **self._options,
            **options,  # `astream` says what is wrong with them
        )

    def go_on(self, decision: Mapping[str, Any] | None, question: str | None = None) -> AsyncGenerator[Event, None]:
        """Go on with the run of the thread, with a decision about one question or about whatever waits."""
        return aresume_stream(
            self._place.thread_id,
            self._model,
            checkpointer=self._place.checkpointer,
            decision=decision,
            question=question,
            **self._options,
        )

    @cached_property
    def _model(self) -> str | BaseChatModel:
        return load_model(self._named_model)

    @cached_property
    def _options(self) -> AgentOptions:
        return whole_options(self._given, self._named_tools)


def whole_options(given: AgentOptions, tools: list[str]) -> AgentOptions:
    """The options of an agent with the tools that `--tools` names, and the executor that the environment asks for.

    Raises:
        ConfigurationError: a tool cannot be loaded.
    """
    options: AgentOptions = {**given, "tools": load_tools(tools)}
    if (key := snapshot_key()) is None:
        return options
    from lumo_graph.executors import ProcessExecutor  # noqa: PLC0415 - only where it is not the agent that makes it

    options["executor"] = ProcessExecutor(files=options.pop("files", ()), snapshot_key=key)
    return options
