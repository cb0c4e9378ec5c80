"""What went wrong, as a status and two texts that may leave the house: no traceback, no path, no key, no host."""

from dataclasses import dataclass
from http import HTTPStatus

from lumo_graph.errors import ConfigurationError, ExecutorError, IsolationError, ModelError, ThreadBusyError


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
    kept = thread_id if isinstance(error, (ModelError, ExecutorError)) else None
    return Failed(status=status, error=title, message=message, thread_id=kept)


def _told(error: BaseException, thread_id: str | None) -> tuple[int, str, str]:
    if isinstance(error, ConfigurationError):
        return HTTPStatus.BAD_REQUEST, "Bad request", str(error)
    if isinstance(error, ThreadBusyError):
        busy = f"Thread {thread_id!r} is in use by another run. Wait until that run has ended, or use another thread."
        return HTTPStatus.CONFLICT, "Thread in use", busy
    if isinstance(error, ModelError):
        return HTTPStatus.INTERNAL_SERVER_ERROR, "Model failed", str(error)
    if isinstance(error, IsolationError):
        return HTTPStatus.INTERNAL_SERVER_ERROR, "Sandbox failed", "The isolation that code needs is not available."
    if isinstance(error, ExecutorError):
        return HTTPStatus.INTERNAL_SERVER_ERROR, "Sandbox failed", "The sandbox of the code failed. Resume the run."
    return HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error", "Something unexpected failed; the server's log has it."
