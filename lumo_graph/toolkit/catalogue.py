"""From names to tools: Lumo's own, those of its requests, of its open server and of its command line."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import SecretStr

from lumo_graph import toolkit  # a package that imports its tools when they are asked for
from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool  # slow to import: names are had without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a tool is wanted."""

    key: SecretStr | None = None
    max_results: int = 5
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A tool that can be had by its name."""

    name: str
    """The tool's own name."""
    request: str
    """Its name in requests to Lumo's API."""
    make: "Callable[[Order], BaseTool]"
    variable: str | None = None
    """Where its key stands; None if it needs none."""


ENTRIES = (
    Entry(
        name="duckduckgo_search",
        request="DuckDuckGo",
        make=lambda order: toolkit.DuckDuckGoSearch(max_results=order.max_results),
    ),
    Entry(
        name="visit_website",
        request="VisitWebsite",
        make=lambda order: toolkit.VisitWebsite(allow_private=order.allow_private),
    ),
    Entry(
        name="google_search",
        request="GoogleSearchTool",
        variable="SERPAPI_API_KEY",
        make=lambda order: toolkit.GoogleSearch(api_key=order.key, max_results=order.max_results),
    ),
    Entry(
        name="exa_search",
        request="ExaSearchTool",
        variable="EXA_API_KEY",
        make=lambda order: toolkit.ExaSearch(api_key=order.key, max_results=order.max_results),
    ),
    Entry(
        name="tavily_search",
        request="TavilySearchTool",
        variable="TAVILY_API_KEY",
        make=lambda order: toolkit.TavilySearch(api_key=order.key, max_results=min(order.max_results, 20)),
    ),
    Entry(name="python_interpreter", request="PythonInterpreter", make=lambda _: toolkit.PythonInterpreter()),
)


def make_tools(
    names: Iterable[str], *, environ: Mapping[str, str], max_results: int = 5, allow_private: bool = False
) -> "list[BaseTool]":
    """The tools of these names, each once, in the order they are named first.

    Args:
        names: such as `duckduckgo_search`, `DuckDuckGo`, `DuckDuckGoSearchTool` or `duck-duck-go`: case, hyphens,
            underscores and a last `Tool` make no difference.
        environ: where keys stand, such as `os.environ`.
        max_results: how many results a search returns.
        allow_private: whether visit_website may visit this machine and private networks.

    Raises:
        ConfigurationError: a name is not known, a key or a package is missing. No tool has done anything.
    """
    if isinstance(names, str):
        raise ConfigurationError(f"Names of tools must be a list, not {names!r}.")
    if isinstance(max_results, bool) or not isinstance(max_results, int) or not 1 <= max_results <= 100:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker # noqa: PLR2004 - what the services give
        raise ConfigurationError(f"max_results must be a whole number from 1 to 100, not {max_results!r}.")
    entries = list(dict.fromkeys(find_entry(name) for name in names))
    for entry in entries:
        if entry.variable is not None and not environ.get(entry.variable, "").strip():
            raise ConfigurationError(f"The tool {entry.name!r} needs a key: set {entry.variable}.")
    return [
        entry.make(
            Order(
                key=SecretStr(environ[entry.variable].strip()) if entry.variable else None,
                max_results=max_results,
                allow_private=allow_private,
            )
        )
        for entry in entries
    ]


def find_entry(name: str) -> Entry:
    """The entry of a tool under any of its names.

    Raises:
        ConfigurationError: there is none; names those there are.
    """
    entry = _BY_NAME.get(_plain(name)) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance] - from requests
    if entry is None:
        known = ", ".join(f"{entry.name} ({entry.request})" for entry in ENTRIES)
        raise ConfigurationError(f"There is no ready tool {str(name)[:100]!r}. Known are: {known}.")
    return entry


def _plain(name: str) -> str:
    """A name without what its spellings differ in."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "").removesuffix("tool").removesuffix("search")


_BY_NAME: Mapping[str, Entry] = MappingProxyType(
    {_plain(name): entry for entry in ENTRIES for name in (entry.name, entry.request)}
)
