"""The exceptions of Lumo's SDK, raised in process: by the same names, with the same words and attributes.

LumoError
  LumoAPIError             something cannot be used as given, or another run has the thread
    LumoAuthenticationError
    LumoRateLimitError
    LumoServerError        the model or the sandbox failed
"""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from lumo_graph.errors import LumoGraphError
from lumo_graph.wire.failures import failed


class LumoError(LumoGraphError):
    """Base of them."""


class LumoAPIError(LumoError):
    """There is no answer.

    Args:
        message: why.
        status_code: what the server would have answered with.
        response: the body of that.
    """

    def __init__(self, message: str, status_code: int | None = None, response: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.response = response


class LumoAuthenticationError(LumoAPIError):
    """The key is missing or wrong. Never raised in process, where nobody is asked for one."""


class LumoRateLimitError(LumoAPIError):
    """Too many runs. Never raised in process, where nobody counts them."""


class LumoServerError(LumoAPIError):
    """The model or the sandbox failed."""


@contextmanager
def raising_as_lumo(thread_id: str | None = None) -> Generator[None, None, None]:
    """Have errors of this library raised as Lumo's SDK raises them; each has the original as its cause."""
    try:
        yield
    except LumoError:
        raise
    except LumoGraphError as error:
        known = thread_id or getattr(error, "thread_id", None)
        told = failed(error, known)
        # In process nothing has to be hidden from who runs it.
        body = {**told.to_dict(), "message": str(error)}
        if told.status == HTTPStatus.BAD_REQUEST:
            raise LumoAPIError(f"Bad Request: {error}", told.status, body) from error
        if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise LumoServerError(f"Server error: {error}", told.status, body) from error
        raise LumoAPIError(f"API error ({told.status}): {error}", told.status, body) from error
