"""What stands between a session and its host."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias, get_args

Tier: TypeAlias = Literal["full", "fs", "best_effort", "none"]
TIERS: tuple[Tier, ...] = get_args(Tier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What stands between a session and its host. Honest: what is off says why, and what that leaves open."""

    tier: Tier
    on: tuple[str, ...] = ()
    """Layers in force, such as `namespaces`, `landlock`, `seccomp`."""
    off: Mapping[str, str] = field(default_factory=dict[str, str])
    """Layers not in force, each with the reason."""
    open: tuple[str, ...] = ()
    """What code in the session can still do to its host."""

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields, as the run's state stores them."""
        return {"tier": self.tier, "on": list(self.on), "off": dict(self.off), "open": list(self.open)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tier=data["tier"], on=tuple(data["on"]), off=dict(data["off"]), open=tuple(data["open"]))
