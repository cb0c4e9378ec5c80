"""The way to one tool: arguments in, plain data or an error out, the same for code and for function calls."""

import asyncio
import typing
import uuid
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError, LumoGraphError
from lumo_graph.tools.background import run_in_background
from lumo_graph.tools.docstrings import read_docstring
from lumo_graph.tools.effects import Effects, effects_of
from lumo_graph.tools.failures import (
    failed,
    is_control_flow,
    is_validation_error,
    leaf,
    message_of,
    rejected,
    shorten,
)
from lumo_graph.tools.handing import HAND, HANDED, Handed
from lumo_graph.tools.kinds import is_async_only, is_cancellable, is_sync_only, source_function, without_partial
from lumo_graph.tools.parameters import BadArgumentsError, Parameters
from lumo_graph.tools.plain import NotDataError, TooLargeError, text_of, to_plain
from lumo_graph.tools.returns import read_result
from lumo_graph.tools.signatures import read_parameters
from lumo_graph.types import ToolReply, ToolSpec

_MIB = 1024 * 1024
IDEMPOTENCY_KEY = "idempotency_key"
"""Where a tool finds the key of its call: in its config's `configurable`."""
AGENT = "lumo_graph:agent"
"""In a tool's metadata: another agent answers its calls."""

_AT_ONCE = (type(None), bool, int, float, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One tool, how code sees it, and how it is called."""

    tool: BaseTool
    spec: ToolSpec
    parameters: Parameters
    sync_only: bool
    awaited: bool
    """Whoever serves a call awaits it, so that it can be cancelled; code calls it as `spec` says."""
    max_result_bytes: int
    effects: Effects

    def call(self, args: Mapping[str, Any], config: RunnableConfig | None) -> ToolReply:
        """Call the tool from synchronous code; an async-only tool runs in the background loop."""
        bound: dict[str, Any] = {}
        try:
            bound = self.parameters.bind(self.spec.name, args)
            result = (
                run_in_background(lambda: self._ainvoke(bound, config))
                if self.spec.is_async
                else self.tool.invoke(self._input(bound, config), config)
            )
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - what a tool raises it says
            return self._failed(error, bound)
        return self._reply(result)

    async def acall(self, args: Mapping[str, Any], config: RunnableConfig | None) -> ToolReply:
        """Call the tool from asynchronous code; a sync tool runs in a thread."""
        bound: dict[str, Any] = {}
        try:
            bound = self.parameters.bind(self.spec.name, args)
            result = (
                await asyncio.to_thread(self.tool.invoke, self._input(bound, config), config)
                if self.sync_only
                else await self._ainvoke(bound, config)
            )
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise  # it is we who are cancelled, and not something inside the tool
            return self._failed(error, bound)
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is what it has to say
            return self._failed(error, bound)
        if isinstance(result, _AT_ONCE):
            return self._reply(result)
        return await asyncio.to_thread(self._reply, result)

    def _ainvoke(self, bound: dict[str, Any], config: RunnableConfig | None) -> Coroutine[Any, Any, Any]:
        return self.tool.ainvoke(self._input(bound, config), config)

    def _input(self, bound: dict[str, Any], config: RunnableConfig | None) -> ToolCall:
        # Without an id LangChain returns the tool's own result, with one a ToolMessage of text. The form of a tool call
        # keeps an argument named `type` from being taken for one.
        call_id = f"call_{uuid.uuid4().hex}" if self.parameters.needs_call_id else None
        args = self.parameters.validate(bound) if self.parameters.validated_here else dict(bound)
        if self.parameters.handed:
            args |= self._handed(call_id, config)
        return ToolCall(type="tool_call", name=self.spec.name, args=args, id=call_id)

    def _handed(self, call_id: str | None, config: RunnableConfig | None) -> dict[str, Any]:
        hand = (config or {}).get("configurable", {}).get(HAND)
        if hand is None:
            names = ", ".join(self.parameters.handed)
            raise BadArgumentsError(f"{self.spec.name}(): only in a run of an agent is there something for {names}.")
        return {name: hand(kind, call_id) for name, kind in self.parameters.handed.items()}

    def _failed(self, error: BaseException, bound: Mapping[str, Any]) -> ToolReply:
        error = leaf(error)
        if is_control_flow(error) or (self.spec.is_agent and isinstance(error, LumoGraphError)):
            raise error  # what an agent cannot mend, no agent that calls it can
        if isinstance(error, BadArgumentsError):
            return ToolReply(error=str(error), error_type=error.kind)
        if is_validation_error(error):  # of the arguments, or of data inside the tool?
            try:
                self.parameters.validate({**dict.fromkeys(self.parameters.handed), **bound})
            except Exception as own:  # noqa: BLE001 - a validator of the user's may raise anything
                if is_validation_error(own):
                    return rejected(self.spec.name, own, self.parameters.shown, self.parameters.keys)
        return failed(error)

    def _reply(self, result: Any) -> ToolReply:
        if isinstance(result, ToolMessage):
            if result.status == "error":
                return ToolReply(error=shorten(str(text_of(result.content)), 4000), error_type="ToolException")
            result = result.content
        name, cap = self.spec.name, self.max_result_bytes
        try:
            return ToolReply(value=to_plain(text_of(result), cap))
        except TooLargeError as error:
            return ToolReply(
                error=f"{name} ran, but its result has at least {_mib(error.size)}, and the most is {_mib(cap)}: "
                f"ask for less, or return a part of it.",
                error_type="ValueError",
            )
        except NotDataError as error:
            if asyncio.iscoroutine(result):
                result.close()
            place = "".join(f"[{key!r}]" for key in reversed(error.path))
            what = f"{error.what} at {shorten(place, 200)}" if place else error.what
            return ToolReply(
                error=f"{name} ran, but its result ({what}) {error.reason}: "
                "return numbers, text, bytes, or lists and dicts of them.",
                error_type="TypeError",
            )
        except Exception as error:  # noqa: BLE001 - reading a foreign object runs its code
            return ToolReply(
                error=f"{name} ran, but its result ({type(result).__name__}) cannot be read: {message_of(error)}",
                error_type="TypeError",
            )


def open_door(tool: BaseTool, *, max_result_bytes: int, handed: Collection[Handed] = HANDED) -> Door:
    """Read a tool once, for all its calls.

    Raises:
        ConfigurationError: the tool cannot be shown to a model.
    """
    parameters = read_parameters(tool, handed=handed)
    _check_returns(tool)
    doc = read_docstring(tool.description, parameters.keys)
    returns, keys = read_result(tool)
    text = f"{doc.text}\n\nKeys of the result: {keys}".strip() if keys else doc.text
    spec = ToolSpec(
        name=tool.name,
        doc=text,
        parameters=parameters.shown,
        returns=returns,
        is_async=is_async_only(tool),
        is_agent=bool((tool.metadata or {}).get(AGENT)),
    )
    return Door(
        tool=tool,
        spec=spec,
        parameters=parameters,
        sync_only=is_sync_only(tool),
        awaited=is_async_only(tool) or is_cancellable(tool),
        max_result_bytes=max_result_bytes,
        effects=effects_of(tool, source_function(tool)),
    )


def _check_returns(tool: BaseTool) -> None:
    """Refuse a tool that only ever steers a graph: an agent's own edges lead on from its tools."""
    returned = getattr(without_partial(source_function(tool) or (lambda: None)), "__annotations__", {}).get("return")
    kind = typing.get_origin(returned) or returned
    if not isinstance(kind, type) or kind.__name__ != "Command" or not kind.__module__.startswith("langgraph."):
        return
    raise ConfigurationError(
        f"The tool {tool.name!r} returns a Command, which only LangGraph's ToolNode follows: no call of code can leave "
        "the agent for another node. Have it return data, and let the graph around the agent decide by the answer."
    )


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB else f"{size} bytes"
