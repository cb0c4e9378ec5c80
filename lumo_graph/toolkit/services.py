"""Asking a search service over HTTP: within a time, up to a size, again if it is busy, and its key in no message."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from langchain_core.tools import ToolException
from pydantic import SecretStr
from typing_extensions import override

from lumo_graph.errors import ConfigurationError
from lumo_graph.excerpts import one_line
from lumo_graph.models.failures import redact
from lumo_graph.toolkit.fetching import USER_AGENT, read_body
from lumo_graph.toolkit.retries import BUSY_STATUSES, BusyError, retrying, wait_asked_for

MAX_BYTES = 8 * 1024 * 1024
_REASON_CHARS = 300
_REFUSED = frozenset({401, 402, 403, 432, 433})
_FAILED = 400


class ServiceClient(httpx2.AsyncClient):
    """An HTTP client for one service, for a library that wants a client or for requests of our own.

    Every response is read up to a limit before it is handed on; one that is no success raises.

    Args:
        service: its name, for messages.
        variable: where its key usually stands, for messages.
        key: the key, which no message holds.
        attempts: how often a request is made while the service is busy or cannot be reached.
        seconds: how long each of them may take.
    """

    def __init__(self, *, service: str, variable: str, key: str, attempts: int, seconds: float) -> None:
        super().__init__(timeout=seconds, headers={"User-Agent": USER_AGENT}, follow_redirects=False)
        self._service = service
        self._variable = variable
        self._key = key
        self._attempts = attempts

    @override
    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request as often as it takes, and read the response.

        Raises:
            ToolException: the service refuses, or is still busy.
            httpx2.HTTPError: it cannot be reached.
        """
        return await retrying(self._attempts)(self._send_once, request)

    async def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().send(request, stream=True)
        try:
            body, complete = await read_body(response, MAX_BYTES)
        finally:
            await response.aclose()
        if not complete:
            raise ToolException(f"{self._service} answered with more than {MAX_BYTES / 1e6:.0f} MB.")
        if response.status_code >= _FAILED or response.has_redirect_location:
            raise self._failure(response, body)
        headers = {"Content-Type": response.headers.get("Content-Type", "application/json")}
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)

    def _failure(self, response: httpx2.Response, body: bytes) -> Exception:
        words = redact(one_line(body.decode("utf-8", "replace"), _REASON_CHARS), [self._key])
        said = f"{self._service} answered with status {response.status_code}: {words or response.reason_phrase}"
        if response.status_code in BUSY_STATUSES:
            return BusyError(said, retry_after=wait_asked_for(response))
        if response.status_code in _REFUSED:
            return ToolException(f"{said} Its key or its quota is refused: check {self._variable}.")
        return ToolException(said)


async def ask(service: str, key: str, seconds: float, request: Callable[[], Awaitable[Any]]) -> Any:
    """What a request gets, whatever goes wrong in it told as a tool tells it.

    Args:
        service: its name.
        key: a key that no message may hold.
        seconds: how long it may take in all.
        request: asks the service.

    Raises:
        ToolException: no answer; the message says why.
    """
    try:
        async with asyncio.timeout(seconds):
            return await request()
    except TimeoutError:
        raise ToolException(f"{service} took longer than {seconds:g} s.") from None
    except (ToolException, BusyError) as error:
        raise ToolException(str(error)) from None
    except httpx2.HTTPError as error:
        reason = redact(one_line(str(error), _REASON_CHARS), [key]) or type(error).__name__
        raise ToolException(f"{service} cannot be reached: {reason}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # From what the service says, and the frames of such an error hold the key: none of it is handed on.
        raise ToolException(f"{service} gave an answer that cannot be read ({type(error).__name__}).") from None


def check_key(tool: str, key: SecretStr, variable: str) -> None:
    """Refuse a tool without a key.

    Raises:
        ConfigurationError: it has none, or one that no header can carry.
    """
    value = key.get_secret_value()
    if not value.strip():
        raise ConfigurationError(f"The tool {tool!r} needs a key: set {variable}, or pass api_key=.")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            f"The key of the tool {tool!r} holds characters that no request can carry: check {variable}."
        )
