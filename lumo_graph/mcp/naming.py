"""What the tools of servers are called, so that no two have one name. Pure."""

import builtins
from collections import Counter
from collections.abc import Collection, Sequence

from lumo_graph.mcp.tidying import python_name, unique_name
from lumo_graph.tools.naming import RESERVED_NAMES


def name_tools(wished: Sequence[tuple[str, str | None, str]], taken: Collection[str]) -> list[str]:
    """A name for each tool.

    It is the tool's own as Python writes it, behind the prefix that its server was given. Where another tool has that
    name too, or Python or the agent, the server's name stands before it: for both, if both are of servers.

    Args:
        wished: the server's name, its prefix and the tool's name, for each tool.
        taken: names of other tools.
    """
    own = [python_name(f"{prefix or ''}{tool}") for _, prefix, tool in wished]
    counts = Counter(own)
    free = [counts[name] == 1 and name not in taken and _is_free(name) for name in own]
    used = {*taken, *(name for name, is_free in zip(own, free, strict=True) if is_free)}
    found: list[str] = []
    for (server, _, _), name, is_free in zip(wished, own, free, strict=True):
        named = name
        if not is_free:
            named = unique_name(python_name(f"{server}_{name}"), used)
            used.add(named)
        found.append(named)
    return found


def _is_free(name: str) -> bool:
    return name not in RESERVED_NAMES and not hasattr(builtins, name)
