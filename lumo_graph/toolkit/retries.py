"""When a request to the web is made again: only after failures that pass, and after a wait that the server may name."""

import ssl
from datetime import UTC, datetime

import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from lumo_graph.models.failures import parse_retry_after

BUSY_STATUSES = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 5.0
"""Seconds. A server that asks for more is not asked again."""

_backoff = wait_random_exponential(multiplier=0.25, max=2.0)
_PASSING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)


class BusyError(Exception):
    """A server answers that it cannot answer now.

    Args:
        message: what to say if it is not asked again.
        retry_after: seconds it asks to wait.
    """

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def retrying(attempts: int) -> AsyncRetrying:
    """What calls an asynchronous function again after failures that pass; the last failure is raised."""
    return AsyncRetrying(
        stop=stop_after_attempt(attempts), wait=_wait, retry=retry_if_exception(is_passing), reraise=True
    )


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed within seconds."""
    if isinstance(error, BusyError):
        return (error.retry_after or 0.0) <= LONGEST_WAIT
    return isinstance(error, _PASSING) and not _is_about_trust(error)


def wait_asked_for(response: httpx2.Response) -> float | None:
    """Seconds that a response asks to wait."""
    value = response.headers.get("Retry-After")
    return None if value is None else parse_retry_after(value, now=datetime.now(UTC))


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, BusyError) else None
    return max(asked or 0.0, _backoff(state))


def _is_about_trust(error: BaseException | None) -> bool:
    """A certificate that is refused is refused again."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
