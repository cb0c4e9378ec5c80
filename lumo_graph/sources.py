"""What an action draws its random numbers and its times from, so that it takes the same path when it runs again."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from lumo_graph.errors import ConfigurationError

SEED_BYTES = 32
MAX_CLOCK_BYTES = 64 << 10
"""Of the times that one action has read; times beyond it are not kept."""


def _make_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Sources of one action. A new one for each action; the one it had, with its clock, when it runs again."""

    seed: bytes = field(default_factory=_make_seed, repr=False)
    """32 bytes, secret: every random number of the action follows from it."""
    clock: bytes = b""
    """The times that it has read from its clocks when it ran before, in the order it has read them. Made by a session,
    and opaque to the host."""

    def __post_init__(self) -> None:
        # What they are given is secret, or long: the messages do not show it.
        if type(self.seed) is not bytes or len(self.seed) != SEED_BYTES:
            raise ConfigurationError(f"seed must be {SEED_BYTES} bytes, as secrets.token_bytes({SEED_BYTES}) gives.")
        if type(self.clock) is not bytes or len(self.clock) > MAX_CLOCK_BYTES:
            raise ConfigurationError(f"clock must be at most {MAX_CLOCK_BYTES} bytes: what `Execution.clock` was.")


def join_clock(parts: Iterable[tuple[int, bytes]], *, before: bytes = b"") -> bytes:
    """The clock of an action from the parts that came with its calls.

    Args:
        parts: `ToolRequest.clock_at` and `ToolRequest.clock`, in any order.
        before: the clock that the action was given when it ran.

    Returns:
        `before` and all parts up to the first that is missing.
    """
    clock = bytearray(before)
    for start, part in sorted(parts):
        if start > len(clock):
            break
        clock[start : start + len(part)] = part
    return bytes(clock)
