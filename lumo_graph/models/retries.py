"""When a failed model call is tried again, and after which wait."""

import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from lumo_graph.errors import ConfigurationError
from lumo_graph.models.failures import read_failure

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a temporary failure is tried again.

    The wait before attempt n+1 is drawn from 0 to `first_wait` * 2**(n-1) seconds. A provider that names a wait
    (`Retry-After`) gets it instead, up to `longest_wait`.
    """

    attempts: int = 5
    """Attempts in all; 1 means no retry."""
    first_wait: float = 1.0
    """Longest wait after the first attempt, in seconds. It doubles with every attempt."""
    longest_wait: float = 60.0
    """No wait is longer, in seconds."""

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigurationError(f"RetryPolicy.attempts must be a whole number from 1, not {self.attempts!r}.")
        for name in ("first_wait", "longest_wait"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ConfigurationError(f"RetryPolicy.{name} must be seconds from 0, not {value!r}.")


DEFAULT_RETRY = RetryPolicy()


def retrying(policy: RetryPolicy, attempt: Callable[[], _T]) -> _T:
    """The result of the first attempt that succeeds, or the error of the last one."""
    retryer = Retrying(
        stop=stop_after_attempt(policy.attempts), wait=wait_for(policy), retry=IS_TEMPORARY, reraise=True
    )
    return retryer(attempt)


async def aretrying(policy: RetryPolicy, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Like `retrying`, without blocking the event loop."""
    retryer = AsyncRetrying(
        stop=stop_after_attempt(policy.attempts), wait=wait_for(policy), retry=IS_TEMPORARY, reraise=True
    )
    return await retryer(attempt)


def is_temporary(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    failure = read_failure(error)
    return failure is not None and failure.temporary


IS_TEMPORARY = retry_if_exception(is_temporary)


def wait_for(policy: RetryPolicy) -> Callable[[RetryCallState], float]:
    """The seconds to wait after a failed attempt, as tenacity asks for them."""
    backoff = wait_random_exponential(multiplier=policy.first_wait, max=policy.longest_wait)

    def seconds(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        failure = read_failure(error) if error else None
        if failure is None or failure.retry_after is None:
            return backoff(state)
        # Clients that were refused together must not come back together.
        spread = random.uniform(0, policy.first_wait)  # noqa: S311 - jitter is no secret
        return min(failure.retry_after + spread, policy.longest_wait)

    return seconds
