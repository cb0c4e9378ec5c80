"""What a run and the agents that it calls may use together. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from lumo_graph.types import Limits, Usage

BUDGET, SPEND = "__lumo_budget", "__lumo_spend"
"""Where an agent that is called finds, in its config's `configurable`, what it may use, and whom it tells what it has
used: a function of the `to_dict` of a `Spent`."""
AGENT_NAME = "__lumo_agent"
"""Where it finds by which names it was called: `researcher`, or `lead/researcher`."""

_LEAST_SECONDS = 1.0
_LEAST_COST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What agents that were called have used."""

    usage: Usage = field(default_factory=Usage)
    tool_calls: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(usage=self.usage + other.usage, tool_calls=self.tool_calls + other.tool_calls)

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(usage=Usage(**data["usage"]), tool_calls=data["tool_calls"])


def left_of(limits: Limits, usage: Usage, *, tool_calls: int, seconds: float) -> dict[str, float]:
    """What is left of a run's limits, of those that it has.

    Args:
        limits: of the run.
        usage: of its model calls, and of the agents it has called.
        tool_calls: it and they have made.
        seconds: it has worked.
    """
    left: dict[str, float] = {}
    if limits.max_tokens is not None:
        left["max_tokens"] = max(1, limits.max_tokens - usage.total_tokens)
    if limits.max_cost is not None:
        left["max_cost"] = max(_LEAST_COST, limits.max_cost - (usage.cost or 0.0))
    if limits.max_tool_calls is not None:
        left["max_tool_calls"] = max(0, limits.max_tool_calls - tool_calls)
    if limits.max_seconds is not None:
        left["max_seconds"] = max(_LEAST_SECONDS, limits.max_seconds - seconds)
    return left


def used_up(limits: Limits, usage: Usage, *, seconds: float) -> str:
    """Of which limit nothing is left for an agent to work with, as `max_tokens=100`; empty if something is.

    Its arguments are those of `left_of`.
    """
    used = {"max_tokens": usage.total_tokens, "max_cost": usage.cost or 0.0, "max_seconds": seconds}
    most: Mapping[str, float | None] = {name: getattr(limits, name) for name in used}
    return next((f"{name}={limit:g}" for name, limit in most.items() if limit is not None and used[name] >= limit), "")


def tightened(limits: Limits, left: Mapping[str, float]) -> Limits:
    """The limits of an agent that was called, within what is left of its caller's."""
    own = {name: getattr(limits, name) for name in left}
    tighter: dict[str, Any] = {name: most if own[name] is None else min(own[name], most) for name, most in left.items()}
    return replace(limits, **tighter)
