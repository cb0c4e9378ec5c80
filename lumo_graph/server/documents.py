"""What the OpenAPI document says of the responses that all routes have."""

from typing import Any

from lumo_graph.wire.threads import ErrorResponse

_REASONS = {
    400: "Something cannot be used as given.",
    401: "The key is missing or wrong.",
    404: "There is no such thread.",
    408: "The request came too slowly.",
    409: "Another run has the thread.",
    413: "The request is too large.",
    429: "Too many runs; `Retry-After` says when to come again.",
    500: "The model, the sandbox or the server failed; `message` says which.",
    503: "The server is about to end; the run is kept.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": reason} for status, reason in _REASONS.items()
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "The events of the run."},
}
