"""Ready tools: search the web, read its pages, run code. They are LangChain tools, and work in any LangGraph graph.

Names are imported on first use: a tool costs what it needs only where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from lumo_graph.toolkit.catalogue import make_tools as make_tools
    from lumo_graph.toolkit.duckduckgo import DuckDuckGoSearch as DuckDuckGoSearch
    from lumo_graph.toolkit.exa import ExaSearch as ExaSearch
    from lumo_graph.toolkit.google import GoogleSearch as GoogleSearch
    from lumo_graph.toolkit.interpreter import PythonInterpreter as PythonInterpreter
    from lumo_graph.toolkit.tavily import TavilySearch as TavilySearch
    from lumo_graph.toolkit.visiting import VisitWebsite as VisitWebsite

_HOMES = {
    "DuckDuckGoSearch": "lumo_graph.toolkit.duckduckgo",
    "ExaSearch": "lumo_graph.toolkit.exa",
    "GoogleSearch": "lumo_graph.toolkit.google",
    "PythonInterpreter": "lumo_graph.toolkit.interpreter",
    "TavilySearch": "lumo_graph.toolkit.tavily",
    "VisitWebsite": "lumo_graph.toolkit.visiting",
    "make_tools": "lumo_graph.toolkit.catalogue",
}

__all__ = tuple(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll] - a test keeps it equal to the imports above


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{name} needs a package that is not installed ({error.name}): pip install 'lumo-graph[tools]'."
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
