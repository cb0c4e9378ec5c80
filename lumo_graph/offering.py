"""The tools that a task may name: its operator's own, and the ready ones."""

from collections.abc import Mapping, Sequence

from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError
from lumo_graph.toolkit.catalogue import ENTRIES, find_entry, make_tools


def offered_tools(
    names: Sequence[str], own: Mapping[str, BaseTool], *, environ: Mapping[str, str], max_results: int
) -> list[BaseTool]:
    """The tools of these names, each once.

    Args:
        names: of tools in `own`, or in any spelling that the catalogue of ready tools knows.
        own: name to tool; these come first.
        environ: where the keys of ready tools are.
        max_results: of a search.

    Raises:
        ConfigurationError: there is no such tool, or its key is missing.
    """
    ready = [name for name in names if name not in own]
    for name in ready:
        try:
            find_entry(name)
        except ConfigurationError:
            known = ", ".join([*sorted(own), *(f"{entry.name} ({entry.request})" for entry in ENTRIES)])
            raise ConfigurationError(f"There is no tool {name[:100]!r}. The tools are: {known}.") from None
    made = make_tools(ready, environ=environ, max_results=max_results)
    return [*(own[name] for name in dict.fromkeys(names) if name in own), *made]
