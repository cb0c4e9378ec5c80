"""Which tools of an agent that is not ours the code may call."""

import logging
from collections.abc import Collection, Sequence

from langchain_core.tools import BaseTool

from lumo_graph.dialects import PYTHON_INTERPRETER
from lumo_graph.errors import ConfigurationError
from lumo_graph.tools import Toolbox, make_toolbox

_logger = logging.getLogger("lumo_graph")


def reachable(tools: Sequence[BaseTool], named: Collection[str] | None) -> Toolbox:
    """The tools that code may call, of those that it can.

    Args:
        tools: of the agent.
        named: names of those that it may; None: all.

    Raises:
        ConfigurationError: one that is named is not there, or cannot be called from code.
    """
    found: list[BaseTool] = []
    for tool in tools:
        if tool.name == PYTHON_INTERPRETER or (named is not None and tool.name not in named):
            continue
        try:
            make_toolbox([tool], handed=())
        except ConfigurationError as error:
            if named is not None:
                raise
            _logger.debug("Code cannot call the tool %s: %s", tool.name, error)
        else:
            found.append(tool)
    if named is not None and (missing := sorted(set(named) - {tool.name for tool in found})):
        known = ", ".join(tool.name for tool in tools if tool.name != PYTHON_INTERPRETER)
        raise ConfigurationError(f"CodeActionMiddleware names {missing[0]!r}, but the tools of the agent are: {known}.")
    return make_toolbox(found, handed=())
