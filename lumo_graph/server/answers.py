"""Responses, and what becomes of everything that can go wrong. An error is JSON and says nothing of the house."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from lumo_graph.errors import LumoGraphError
from lumo_graph.server.running import DrainingError, StalledError
from lumo_graph.server.turns import TooManyRunsError
from lumo_graph.wire.failures import Failed, failed
from lumo_graph.wire.problems import problems_text
from lumo_graph.wire.texts import json_text, plain

log = logging.getLogger("lumo_graph.server")

OPEN = "/health_check"
"""The one path that is open to everybody."""
_PARAMETER = re.compile(r"\{[^}]*\}")
RETRY_SECONDS = 2
"""That a client is told to wait before it comes again."""


class ThreadMissingError(Exception):
    """There is no such thread."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(thread_id)
        self.thread_id = thread_id


class GoneError(Exception):
    """The client has hung up."""


class JSON(Response):
    """Strict JSON in ASCII."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as bytes."""
        return json_text(content).encode()


def refusal(told: Failed, headers: Mapping[str, str] | None = None) -> JSON:
    """The response that says why there is none."""
    more: dict[str, str] = {}
    if told.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        more["Retry-After"] = str(RETRY_SECONDS)
    if told.status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return JSON(told.to_dict(), told.status, {**more, **(headers or {})})


def told_of(error: BaseException, thread_id: str | None = None) -> Failed:
    """What a client is told of an exception."""
    if isinstance(error, TooManyRunsError):
        return Failed(
            status=429, error="Too many runs", message=f"The server is busy. Come again in {RETRY_SECONDS} seconds."
        )
    if isinstance(error, ThreadMissingError):
        return Failed(status=404, error="Not found", message=f"There is no thread {error.thread_id!r}.")
    if isinstance(error, DrainingError):
        kept = error.thread_id
        message = f"The run is kept: resume thread {kept!r}." if kept else "Come again when it is back."
        return Failed(status=503, error="Server is ending", message=message, thread_id=kept)
    if isinstance(error, StalledError):
        return Failed(status=408, error="Too slow", message="The stream was not read.", thread_id=thread_id)
    return failed(error, thread_id)


def add_handlers(app: FastAPI) -> None:
    """Have every exception answered."""
    for kind in (TooManyRunsError, ThreadMissingError, DrainingError, StalledError, LumoGraphError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(GoneError, _gone)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> Response:
    return refusal(told_of(error, getattr(request.state, "thread_id", None)))


async def _gone(request: Request, error: Exception) -> Response:
    del request, error
    return Response(status_code=499)  # for the log: nobody gets it


async def _invalid(request: Request, error: Exception) -> Response:
    del request
    problems: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    return refusal(Failed(status=400, error="Bad request", message=problems_text(problems)))


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    words = HTTPStatus(error.status_code).phrase
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"There is no {plain(request.url.path)!r} here."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} does not work here."
        return refusal(
            Failed(status=error.status_code, error="Method not allowed", message=message), {"Allow": _allowed(request)}
        )
    else:
        message = f"{words}."
    return refusal(Failed(status=error.status_code, error=words.capitalize(), message=message), error.headers)


def _allowed(request: Request) -> str:
    """The methods of a path: each has a route of its own, and the first one knows only itself."""
    path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
    found: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    methods = {
        method.upper()
        for template, operations in found.items()
        if re.fullmatch(_PARAMETER.sub("[^/]+", template), path)
        for method in operations
    }
    return ", ".join(sorted(methods | ({"HEAD"} if path == OPEN else set())))


async def _unexpected(request: Request, error: Exception) -> Response:
    del request
    return refusal(failed(error))
