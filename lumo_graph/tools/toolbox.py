"""All tools of an agent: LangChain tools, functions and async functions as one kind of thing."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools.base import BaseToolkit

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.door import Door, open_door
from lumo_graph.tools.effects import Effects
from lumo_graph.tools.failures import unknown_tool
from lumo_graph.tools.functions import name_of, tool_from_callable
from lumo_graph.tools.handing import HANDED, Handed
from lumo_graph.tools.naming import check_name, check_unique
from lumo_graph.types import ToolReply, ToolSpec

MAX_RESULT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Toolbox:
    """The tools of an agent, and the one door through which code and function calls reach them."""

    specs: tuple[ToolSpec, ...]
    """The tools as code sees them, in the order given."""
    tools: Mapping[str, BaseTool]
    """The tools as LangChain sees them, by name."""
    doors: Mapping[str, Door] = field(repr=False)
    """How each is called, by name."""

    def effects_of(self, name: str) -> Effects | None:
        """What calls of a tool leave in the world; None for a tool that does not exist."""
        door = self.doors.get(name)
        return None if door is None else door.effects

    @property
    def awaited(self) -> frozenset[str]:
        """The tools whose calls are awaited: they can be cancelled."""
        return frozenset(name for name, door in self.doors.items() if door.awaited)

    def call(self, name: str, args: Mapping[str, Any], config: RunnableConfig | None = None) -> ToolReply:
        """Call a tool from synchronous code, in any thread.

        Arguments are validated by the tool's own schema. The result is plain data: dicts with text or int keys, lists
        for every kind of sequence, ISO 8601 dates. Whatever goes wrong in the tool is a reply with an error; only what
        is no failure passes through: KeyboardInterrupt, a cancellation of the caller, LangGraph's interrupts.

        Args:
            name: name of the tool.
            args: arguments by parameter name, as plain data.
            config: LangChain's config; its callbacks see the call.
        """
        door = self.doors.get(name)
        return unknown_tool(name, self.doors) if door is None else door.call(args, config)

    async def acall(self, name: str, args: Mapping[str, Any], config: RunnableConfig | None = None) -> ToolReply:
        """Call a tool from asynchronous code, as `call` does. A sync tool runs in a thread and does not block."""
        door = self.doors.get(name)
        return unknown_tool(name, self.doors) if door is None else await door.acall(args, config)


def make_toolbox(
    tools: Sequence[BaseTool | Callable[..., Any]],
    *,
    max_result_bytes: int = MAX_RESULT_BYTES,
    handed: Collection[Handed] = HANDED,
) -> Toolbox:
    """Check tools and make them one kind of thing.

    Args:
        tools: LangChain tools, functions, async functions, bound methods, partials, objects with `__call__`. A plain
            function's parameters come from its signature, their descriptions from a Google-style docstring.
        max_result_bytes: the most a result may have, in bytes.
        handed: what tools can be handed beside their arguments.

    Raises:
        ConfigurationError: something is not a tool, has a name or parameters that cannot be used, or two tools have
            one name.
    """
    if isinstance(tools, (str, bytes, Mapping)) or not isinstance(tools, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance] - callers do get it wrong
        raise ConfigurationError(f"tools must be a list of tools and functions, not {tools!r}.")
    if isinstance(max_result_bytes, bool) or max_result_bytes < 1:
        raise ConfigurationError(f"max_result_bytes must be a whole number of at least 1, not {max_result_bytes!r}.")
    found = [_as_tool(tool) for tool in tools]
    check_unique(tool.name for tool in found)
    doors = {tool.name: open_door(tool, max_result_bytes=max_result_bytes, handed=handed) for tool in found}
    return Toolbox(
        specs=tuple(door.spec for door in doors.values()),
        tools=MappingProxyType({tool.name: tool for tool in found}),
        doors=MappingProxyType(doors),
    )


def _as_tool(tool: Any) -> BaseTool:
    if isinstance(tool, BaseTool):
        check_name(tool.name)
        return tool
    if inspect.isclass(tool):
        raise ConfigurationError(f"The tool {tool!r} is a class. Pass an instance: {tool.__name__}(...).")
    if isinstance(tool, BaseToolkit):
        raise ConfigurationError(f"{type(tool).__name__!r} is a toolkit. Pass its tools: *toolkit.get_tools().")
    if isinstance(tool, Runnable):
        kind = type(cast("Any", tool)).__name__
        if hasattr(cast("Any", tool), "get_subgraphs"):
            raise ConfigurationError(
                f"{kind!r} is a graph, not a tool. Pass agents=[Agent(name, description, graph)], or call it in a tool."
            )
        raise ConfigurationError(
            f"{kind!r} is a runnable, not a tool. Pass runnable.as_tool(name=..., description=...)."
        )
    if not callable(tool):
        raise ConfigurationError(f"{tool!r} is not a tool. Pass a LangChain tool, a function or an async function.")
    function = cast("Callable[..., Any]", tool)
    check_name(name_of(function))
    return tool_from_callable(function)
