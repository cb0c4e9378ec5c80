"""What went wrong, as a status and two texts that may leave the house: no traceback, no path, no key, no host."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from lumo_graph.errors import (
    AddressError,
    ConfigurationError,
    ExecutorError,
    ModelError,
    ThreadBusyError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why there is no answer."""

    status: int
    error: str
    """In a few words; the same for every failure of the kind."""
    message: str
    """A sentence that says what to do."""
    thread_id: str | None = None
    """The thread with which `resume` goes on."""

    def to_dict(self) -> dict[str, str]:
        """The body of the response."""
        known = {} if self.thread_id is None else {"thread_id": self.thread_id}
        return {"error": self.error, "message": self.message, **known}


def failed(error: BaseException, thread_id: str | None = None) -> Failed:
    """What may be told of an exception."""
    status, title, message = _told(error, thread_id)
    message = _FILES.sub("[file]", message)
    kept = thread_id if isinstance(error, (ModelError, ExecutorError)) else None
    return Failed(status=int(status), error=title, message=message, thread_id=kept)


_FILES = re.compile(
    r"(?<![\w:/.])/(?:app|bin|data|dev|etc|home|lib\w*|media|mnt|nix|opt|private|proc|root|run|sbin|srv|sys|tmp|Users|usr|"
    r"var|work)(?:/[^\s'\",;:)]*)?"
)
"""Files of the server's machine, in the words of whatever has failed on it."""
_PRIVATE = "The address of base_url is not a public one, and this server connects to no other."
_SANDBOX = "The sandbox of the code failed. Resume the run, or ask the operator."
_UNEXPECTED = "Something unexpected failed; the server's log has it."


def _told(error: BaseException, thread_id: str | None) -> tuple[int, str, str]:
    match error:
        case AddressError():  # its own words tell where names lead in this network
            told = HTTPStatus.BAD_REQUEST, "Bad request", _PRIVATE
        case ConfigurationError():
            told = HTTPStatus.BAD_REQUEST, "Bad request", str(error)
        case ThreadBusyError():  # its own words tell which process of which machine
            busy = f"Thread {thread_id!r} is in use by another run. Wait until that has ended, or use another thread."
            told = HTTPStatus.CONFLICT, "Thread in use", busy
        case ModelError():
            told = HTTPStatus.INTERNAL_SERVER_ERROR, "Model failed", str(error)
        case ExecutorError():
            told = HTTPStatus.INTERNAL_SERVER_ERROR, "Sandbox failed", _SANDBOX
        case _:
            told = HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error", _UNEXPECTED
    return told
