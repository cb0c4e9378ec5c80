"""How a tool is implemented: in sync code, in async code, or in both."""

import dis
import functools
from collections.abc import Callable
from typing import Any, cast

from langchain_core.tools import BaseTool, StructuredTool, Tool


def is_async_only(tool: BaseTool) -> bool:
    """Whether a tool has no sync implementation: no `func`, or a `_run` that only says so."""
    if isinstance(tool, (StructuredTool, Tool)):
        return tool.func is None and tool.coroutine is not None
    return _overrides_arun(tool) and _only_raises(type(tool)._run)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - LangChain's extension point


def is_sync_only(tool: BaseTool) -> bool:
    """Whether a tool has no async implementation of its own."""
    if isinstance(tool, (StructuredTool, Tool)):
        return tool.coroutine is None
    return not _overrides_arun(tool) or _only_raises(type(tool)._arun)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - same


def is_cancellable(tool: BaseTool) -> bool:
    """Whether a tool says that its calls had better be awaited, though it can be called without an event loop too."""
    return getattr(tool, "cancellable", False) is True


def source_function(tool: BaseTool) -> Callable[..., Any] | None:
    """The function whose signature is the tool's, as far as it has one."""
    if isinstance(tool, (StructuredTool, Tool)):
        return tool.func or tool.coroutine
    return tool._arun if is_async_only(tool) else tool._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - same


def without_partial(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under any `functools.partial`."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[Any]", function).func
    return function


def _overrides_arun(tool: BaseTool) -> bool:
    return type(tool)._arun is not BaseTool._arun  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - same


def _only_raises(function: Callable[..., Any]) -> bool:
    """Whether a function can do nothing but raise NotImplementedError: its bytecode never returns."""
    code = getattr(function, "__code__", None)
    if code is None or "NotImplementedError" not in code.co_names:
        return False
    return not any(
        step.opname.startswith("RETURN_") and step.opname != "RETURN_GENERATOR" for step in dis.get_instructions(code)
    )
