"""What LangGraph hands from a node run to what runs in it: which answers of a person are still to be had."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

SCRATCHPAD = "__pregel_scratchpad"
"""Where LangGraph keeps what a node run shares with the graphs that it invokes."""


def without_answers(configurable: Mapping[str, Any]) -> dict[str, Any]:
    """A config's `configurable` in which an answer that says not whose it is cannot be had.

    LangGraph gives such an answer to whoever asks first, in this graph or in one that it invokes.
    """
    scratchpad = configurable.get(SCRATCHPAD)
    if scratchpad is None:
        return dict(configurable)
    return {**configurable, SCRATCHPAD: replace(scratchpad, get_null_resume=_none)}


def _none(consume: bool = False) -> None:  # noqa: FBT001, FBT002 - as LangGraph calls it
    del consume
