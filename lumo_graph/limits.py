"""Where a run must stop."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lumo_graph.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. Counted in the checkpoint, so a resume does not start again from zero.

    `None` means no limit. A value below the smallest useful one raises ConfigurationError.
    """

    max_steps: int = 10
    """Model replies in a run. At the limit the model gets one last call to answer with what it has."""
    max_debug_attempts: int = 3
    """Repairs the model may try in a row after an action that failed."""
    action_seconds: float = 30.0
    """Wall-clock seconds for one code action, the tools it calls included."""
    action_cpu_seconds: float | None = None
    """Processor seconds of one code action, all its threads and processes together. The action is stopped and undone
    then, as after `action_seconds`."""
    max_tool_calls: int | None = None
    """Tool calls in a run, from code and by function calling together. A call beyond it fails, and the run stops."""
    max_tokens: int | None = None
    """Input and output tokens of the run together, as the model reports them."""
    max_cost: float | None = None
    """Cost of the run in the currency the model's provider reports it in."""
    max_seconds: float | None = None
    """Seconds of work in the run. Time in which nothing runs, such as a wait for a person, does not count."""
    max_observation_chars: int = 30_000
    """Characters of one observation; what is longer keeps its head, its tail and a count."""
    memory_mb: int = 2048
    """Memory of one session, in MiB."""
    disk_mb: int = 64
    """Disk of one session, in MiB."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check_limit(spec.name, getattr(self, spec.name))

    @classmethod
    def of(cls, value: "Limits | Mapping[str, Any] | None", *, default: "Limits | None" = None) -> "Limits":
        """Limits from an object, from a mapping of the fields that differ from `default`, or from nothing."""
        base = default or cls()
        if value is None:
            return base
        if isinstance(value, Limits):
            return value
        if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"limits must be a Limits or a mapping, not {value!r}.")
        known = [spec.name for spec in fields(cls)]
        if unknown := sorted(set(value) - set(known)):
            raise ConfigurationError(f"Unknown limit {unknown[0]!r}. Limits are: {', '.join(known)}.")
        return replace(base, **value)

    @property
    def room(self) -> tuple[object, ...]:
        """What a session is given when it starts: one with other room cannot be used in its place."""
        return self.memory_mb, self.disk_mb, self.action_cpu_seconds

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields, as the run's state stores them."""
        return asdict(self)


_OPTIONAL_LIMITS = {"action_cpu_seconds", "max_tool_calls", "max_tokens", "max_cost", "max_seconds"}
_WHOLE_LIMITS = {
    "max_steps", "max_debug_attempts", "max_tool_calls", "max_tokens", "max_observation_chars", "memory_mb", "disk_mb",
}  # fmt: skip
_LARGEST_LIMIT = {"memory_mb": 1 << 40, "disk_mb": 1 << 40, "action_seconds": 1e9, "action_cpu_seconds": 1e9}
"""What the kernel can count."""
_SMALLEST_LIMIT = {"max_debug_attempts": 0, "max_tool_calls": 0, "max_observation_chars": 200, "memory_mb": 128}


def is_limit(name: str) -> bool:
    """Whether `Limits` has a field of this name."""
    return name in {spec.name for spec in fields(Limits)}


def _check_limit(name: str, value: object) -> None:
    if value is None and name in _OPTIONAL_LIMITS:
        return
    whole = name in _WHOLE_LIMITS
    wanted = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ConfigurationError(f"Limits.{name} must be {wanted}, not {value!r}.")
    smallest = _SMALLEST_LIMIT.get(name, 1 if whole else 0)
    too_small = value < smallest if whole else not (math.isfinite(value) and value > 0)
    if too_small:
        bound = f"at least {smallest}" if whole else "finite and above 0"
        raise ConfigurationError(f"Limits.{name} must be {bound}, not {value!r}.")
    if value > (largest := _LARGEST_LIMIT.get(name, math.inf)):
        raise ConfigurationError(f"Limits.{name} must be at most {largest:,}, not {value!r}.")
