"""How a connection ended, in words: what a group of exceptions comes to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import httpx
from mcp.shared.exceptions import McpError
from pydantic import ValidationError

from lumo_graph.excerpts import one_line, readable
from lumo_graph.mcp.streams import ClosedError, EndedError

_SHOWN = 500


def _shown(said: object) -> str:
    return one_line(readable(str(said)[: 4 * _SHOWN]), _SHOWN)


_WORDS: Mapping[type[BaseException], Callable[[Any], str]] = {
    httpx.HTTPStatusError: lambda error: f"it answered with HTTP status {error.response.status_code}",
    httpx.TimeoutException: lambda _: "it has not answered in time",
    httpx.HTTPError: lambda error: f"it cannot be reached: {_shown(error) or type(error).__name__}",
    EndedError: _shown,
    McpError: lambda error: f"it answered with an error: {_shown(error.error.message)}",
    ValidationError: lambda _: "it answered with what is not of the protocol",
}
"""From the one that says most to the one that says least."""


def how_it_ended(error: BaseException) -> str:
    """What is said of an exception that ended a connection; those that only follow from another one are passed over."""
    leaves = list(_leaves(error))
    causes = [leaf for leaf in leaves if not isinstance(leaf, ClosedError)]
    for kind, words in _WORDS.items():
        for leaf in causes:
            if isinstance(leaf, kind):
                return words(leaf)
    if causes:
        return f"{type(causes[0]).__name__}: {_shown(causes[0])}"
    return _shown(leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(inner)
    else:
        yield error
