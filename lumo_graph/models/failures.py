"""What an exception of a model's provider says: whether it is one, whether to try again, what to tell the user.

LangChain puts no common class above the errors of all providers and versions, so they are told by what they carry: an
HTTP status, or a class name that the HTTP clients and SDKs share. Everything else is a programming error and passes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from lumo_graph.errors import LumoGraphError

MAX_REASON_CHARS = 600
"""Characters of a provider's own words in a ModelError."""

SHORTEST_KEY = 8
"""Shorter ones are placeholders such as "none", and would be found in every other word."""

_TEMPORARY_STATUSES = frozenset({408, 409, 425, 429})
_UNREACHABLE_CLASSES = frozenset({
    "APIConnectionError", "ModelConnectionError", "ModelTimeoutError",  # provider SDKs, LangChain
    "TransportError", "NetworkError",  # httpx, httpcore
    "ConnectionError", "ConnectTimeout", "Timeout", "ChunkedEncodingError", "HTTPClientError",  # requests, botocore
    "ClientConnectionError", "ClientPayloadError",  # aiohttp
    "gaierror",
})  # fmt: skip
_PROVIDER_CLASSES = frozenset({
    "APIError", "ApiError", "ModelError", "OpenAIError", "AnthropicError", "GoogleAPIError", "MistralError",
    "RequestError", "RequestException", "HTTPError", "HTTPStatusError", "ResponseError",
    "ClientError", "BotoCoreError", "ContextOverflowError",
})  # fmt: skip
_TEMPORARY_WORDS = re.compile(r"server_?error|overloaded|rate_?limit|time_?out|unavailable|try.again", re.IGNORECASE)
_TOO_LONG_WORDS = re.compile(r"context_length_exceeded|context (?:length|window)|prompt is too long", re.IGNORECASE)
_FINAL_WORDS = re.compile(r"insufficient_quota|billing", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a provider's exception says."""

    status: int | None = None
    """HTTP status from 400, if the provider answered with one."""
    unreachable: bool = False
    """No answer came, or only a part of one."""
    temporary: bool = False
    """The same call may succeed later."""
    too_long: bool = False
    """The conversation does not fit the model's context."""
    retry_after: float | None = None
    """Seconds the provider asks to wait."""


def read_failure(error: BaseException) -> Failure | None:
    """What a provider's exception says; None if the exception is not a provider's."""
    if not isinstance(error, Exception) or isinstance(error, (LumoGraphError, AssertionError)):
        return None
    names = {cls.__name__ for cls in type(error).__mro__}
    status = _status_of(error)
    garbled = isinstance(error, (json.JSONDecodeError, UnicodeDecodeError))
    unreachable = isinstance(error, (ConnectionError, TimeoutError)) or bool(names & _UNREACHABLE_CLASSES) or garbled
    if status is None and not unreachable and not names & _PROVIDER_CLASSES:
        return None
    return Failure(
        status=status,
        unreachable=unreachable and status is None,
        temporary=_is_temporary(error, status, unreachable=unreachable),
        too_long="ContextOverflowError" in names or bool(_TOO_LONG_WORDS.search(_own_words(error) + str(error))),
        retry_after=_retry_after(error),
    )


def describe_failure(error: Exception, failure: Failure, model: str, secrets: Iterable[str] = ()) -> str:
    """The message of a ModelError: the model, the status, the provider's words without keys, what to do next."""
    status = f" (status {failure.status})" if failure.status else ""
    reason = shorten(redact(_root_reason(error) if failure.unreachable else _reason(error), secrets))
    return f"The model {model!r} failed{status}: {reason} {_advice(failure)}"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets and without anything that looks like a key."""
    for secret in secrets:
        if len(secret) >= SHORTEST_KEY:
            text = text.replace(secret, "[key]")
    return _KEY_SHAPES.sub(lambda match: f"{match['label'] or ''}[key]", text)


_KEY_SHAPES = re.compile(
    r"""(?P<label>\bBearer\s+|\b(?:x-)?(?:api[-_]?)?key["']?\s*[=:]\s*["']?)[^\s"',;&)}\]]{6,}"""
    r"""|\b(?:sk|gsk|pk|rk|xai|hf|lsv2|nvapi|pplx|r8|csk|fw)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}""",
    re.IGNORECASE,
)


def shorten(text: str) -> str:
    """One line of bounded length, ending in a full stop."""
    text = " ".join(text.split())
    if len(text) > MAX_REASON_CHARS:
        text = text[: MAX_REASON_CHARS - 1].rstrip() + "…"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def parse_retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number, or the time until an HTTP date."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(max(0.0, seconds), 1e9) if seconds == seconds else None  # noqa: PLR0124 - "nan" is a float too


def _status_of(error: object) -> int | None:
    response = getattr(error, "response", None)
    candidates: list[object] = [getattr(error, name, None) for name in ("status_code", "http_status", "status", "code")]
    candidates += [getattr(response, name, None) for name in ("status_code", "status")]
    if isinstance(response, Mapping):  # botocore
        metadata = cast("Mapping[str, Any]", response).get("ResponseMetadata")
        candidates.append(metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - untyped JSON
    for value in candidates:
        if isinstance(value, str) and re.fullmatch(r"[45]\d\d", value):
            return int(value)
        if isinstance(value, int) and 400 <= value < 600:  # noqa: PLR2004 - the failing half of HTTP's statuses
            return int(value)
    return None


def _is_temporary(error: BaseException, status: int | None, *, unreachable: bool) -> bool:
    # An error that arrives inside a stream has no status, or the 200 of the stream: its type tells.
    words = _own_words(error)
    if _FINAL_WORDS.search(words) or isinstance(_root(error), LumoGraphError):  # an address that is refused stays so
        return False
    if status is not None:
        return status in _TEMPORARY_STATUSES or status >= 500  # noqa: PLR2004 - the server's own failures
    return unreachable or getattr(error, "is_retryable", False) is True or bool(_TEMPORARY_WORDS.search(words))


def _own_words(error: object) -> str:
    """The provider's names for the error."""
    words = [str(getattr(error, name, None) or "") for name in ("code", "type")]
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        named = cast("Mapping[str, Any]", body)
        words += [str(named.get("type") or ""), str(named.get("error") or "")]
    return " ".join(words)


def _retry_after(error: object) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    named = {str(name).lower(): str(value) for name, value in cast("Mapping[Any, Any]", headers).items()}
    now = datetime.now(UTC)
    if (milliseconds := named.get("retry-after-ms")) and (wait := parse_retry_after(milliseconds, now=now)) is not None:
        return wait / 1000
    return parse_retry_after(named["retry-after"], now=now) if "retry-after" in named else None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _root_reason(error: BaseException) -> str:
    """The error's own words, with those of what lies at the bottom of it: "Connection error" alone helps no one."""
    reason, root = _reason(error), _root(error)
    return reason if _reason(root) in reason else f"{reason} [{_reason(root)}]"


def _root(error: BaseException) -> BaseException:
    """What lies at the bottom of an error."""
    root = error
    seen = {id(root)}
    while (below := root.__cause__ or root.__context__) is not None and id(below) not in seen:
        root = below
        seen.add(id(root))
    return root


def _advice(failure: Failure) -> str:
    if failure.too_long:
        return "The conversation is longer than the model accepts: use a model with a larger context."
    if failure.unreachable:
        return "Check that the server at base_url runs and can be reached, then resume the run."
    if failure.temporary:
        return "Wait, then resume the run: its checkpoint is kept."
    return _ADVICE.get(failure.status or 0, "Correct what the provider says, then resume the run.")


_ADVICE = {
    401: "Check the API key: api_key, or the provider's variable for its own address.",
    402: "Check the credit of the account, then resume the run.",
    403: "Check what the API key may use, and the model's name.",
    404: "Check the model's name and the base_url, which usually ends in /v1.",
    429: "Check the quota of the account, then resume the run.",
}
