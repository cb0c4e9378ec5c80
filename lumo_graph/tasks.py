"""From the arguments of Lumo's client to a model and the options of a run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from lumo_graph.checkpoints import Checkpointer
from lumo_graph.errors import ConfigurationError, LumoGraphError
from lumo_graph.events import Event
from lumo_graph.limits import Limits
from lumo_graph.models.addressed import addressed_model
from lumo_graph.models.keys import provider_keys
from lumo_graph.offering import offered_tools
from lumo_graph.options import AgentOptions, RunOptions, check_names
from lumo_graph.tools import make_toolbox
from lumo_graph.wire.exceptions import raising_as_lumo
from lumo_graph.wire.options import rules_for, run_options
from lumo_graph.wire.problems import problems_text
from lumo_graph.wire.requests import RunRequest
from lumo_graph.wire.told import StreamDoneEvent, StreamErrorEvent, StreamStepEvent, StreamTokenEvent, told_event

Tool: TypeAlias = BaseTool | Callable[..., Any]
TaskEvent: TypeAlias = StreamTokenEvent | StreamStepEvent | StreamErrorEvent | StreamDoneEvent

_IN_PROCESS = "in process"
"""Stands in a request for the model that is given as an object, and for its address."""


class Tasks:
    """Makes what tasks need.

    Args:
        tools: that tasks may name.
        checkpointer: where threads are stored; None: nowhere.
        limits: what every run may use at most.
        environ: where the keys of providers and tools are.
        options: of every agent.

    Raises:
        ConfigurationError: something cannot be used as given.
    """

    def __init__(
        self,
        *,
        tools: Sequence[Tool],
        checkpointer: str | Checkpointer | None,
        limits: Limits | Mapping[str, Any] | None,
        environ: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> None:
        self._tools: Mapping[str, BaseTool] = make_toolbox(tools).tools
        self._checkpointer = checkpointer
        self._limits = Limits.of(limits, default=Limits(max_steps=1_000_000))
        self._environ = environ
        self._options = cast("AgentOptions", dict(options))
        check_names(self._options, AgentOptions)

    @property
    def checkpointer(self) -> str | Checkpointer:
        """Where threads are stored.

        Raises:
            ConfigurationError: nowhere.
        """
        if self._checkpointer is None:
            raise ConfigurationError(
                "No thread is stored: give the client a checkpointer, such as 'sqlite:///runs.db'."
            )
        return self._checkpointer

    def run_options(
        self, task: str, model: str | BaseChatModel, base_url: str | None, given: Mapping[str, Any]
    ) -> RunOptions:
        """The options of a run.

        Args:
            task: what to do.
            model: its name, or a chat model.
            base_url: of the model.
            given: the other arguments, by the names of `RunRequest`; None is none.

        Raises:
            ConfigurationError: something cannot be used as given.
        """
        named: dict[str, Any] = {name: _plain(value) for name, value in given.items() if value is not None}
        tools, servers = named.pop("tools", ()), named.pop("mcp_servers", None)
        is_named = isinstance(model, str)
        place = {"model": model if is_named else _IN_PROCESS, "base_url": base_url or _IN_PROCESS}
        request = _checked({"task": task, **place, **named})
        made = run_options(request, self._limits)
        if self._checkpointer is not None:
            made["checkpointer"] = self._checkpointer
        if request.thread_id is not None:
            made["thread_id"] = request.thread_id
        own: AgentOptions = {}
        if servers is not None:
            own["mcp_servers"] = servers
        if request.system_prompt is not None:
            own["system_prompt"] = request.system_prompt
        if request.planning_interval is not None:
            own["planning_interval"] = request.planning_interval
        return {**self.agent_options(tools, max_results=request.max_results), **own, **made}

    def agent_options(self, tools: Sequence[str | Tool] | None, *, max_results: int = 5) -> AgentOptions:
        """The options of an agent with these tools.

        Raises:
            ConfigurationError: there is no such tool, or its key is missing.
        """
        found = self._found(tools or (), max_results)
        rules = rules_for(self._options.get("interrupt_on"), make_toolbox(found).tools)
        return {**self._options, "tools": found, "interrupt_on": rules}

    def model(self, model: str | BaseChatModel, base_url: str | None) -> BaseChatModel:
        """The model.

        Raises:
            ConfigurationError: it cannot be used as it is named, or its address is missing.
        """
        if isinstance(model, BaseChatModel):
            if base_url is not None:
                raise ConfigurationError("base_url is for a model given by name. Set it on the model object.")
            return model
        if base_url is None:
            raise ConfigurationError(
                f"The model {model!r} needs its base_url, such as 'https://api.openai.com/v1/chat/completions'."
            )
        return addressed_model(model, base_url, keys=provider_keys(self._environ))

    def _found(self, tools: Sequence[str | Tool], max_results: int) -> list[Tool]:
        named = [tool for tool in tools if isinstance(tool, str)]
        given = [tool for tool in tools if not isinstance(tool, str)]
        return [*offered_tools(named, self._tools, environ=self._environ, max_results=max_results), *given]


class Teller:
    """Tells what happens in a task as Lumo's SDK does.

    Args:
        thread_id: of the task, if it has been named.
    """

    def __init__(self, thread_id: str | None) -> None:
        self._thread_id = thread_id
        self._has_begun = False

    def tell(self, event: Event) -> Iterator[TaskEvent]:
        """What is told of an event, if anything."""
        self._has_begun = True
        yield from told_event(event)

    def fail(self, error: LumoGraphError) -> Iterator[TaskEvent]:
        """What is told of a failure after the begin; one before it is raised."""
        if not self._has_begun:
            with raising_as_lumo(self._thread_id):
                raise error
        yield StreamErrorEvent(message=str(error))
        yield StreamDoneEvent()


def _checked(data: Mapping[str, Any]) -> RunRequest:
    try:
        return RunRequest.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(problems_text(cast("list[Any]", error.errors()))) from None


def _plain(value: Any) -> Any:
    """Messages and servers as data, whoever's classes they are."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(one) for one in cast("list[Any]", value)] if isinstance(value, (list, tuple)) else value
