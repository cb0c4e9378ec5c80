"""What is wrong with a request, in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from lumo_graph.wire.texts import plain

_MOST_NAMED = 3
_PLACES = {"body", "path", "query"}


def problems_text(problems: Sequence[Mapping[str, Any]]) -> str:
    """The problems that pydantic has found, without what was sent."""
    named = [_problem(problem) for problem in problems[:_MOST_NAMED]]
    if more := len(problems) - len(named):
        named.append(f"and {more} more")
    return f"{'; '.join(named)}."


def _problem(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"] if part not in _PLACES)
    words = "there is no such field" if problem["type"] == "extra_forbidden" else str(problem["msg"])
    words = words.removeprefix("Value error, ").rstrip(".")
    return plain(f"{place}: {words}" if place else words)
