"""Bodies of requests: read at once, within a size and a time, whatever a client says or does not say of them."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumo_graph.server.answers import refusal
from lumo_graph.wire.failures import Failed

_MOST_DIGITS = 18
"""Of a length: with more it is too large whatever follows."""
_CLOSE = {"Connection": "close"}  # the rest of the body is not read


class Bodies:
    """Reads the body before the request is looked at.

    Args:
        app: gets the request.
        most: bytes of a body.
        seconds: that its client may take.
    """

    def __init__(self, app: ASGIApp, *, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared(scope) > self._most:
            await refusal(self._too_large(), _CLOSE)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            slow = f"The request did not come within {self._seconds:g} seconds."
            await refusal(Failed(status=408, error="Too slow", message=slow), _CLOSE)(scope, receive, send)
            return
        if body is None:
            return  # its client is gone
        if len(body) > self._most:
            await refusal(self._too_large(), _CLOSE)(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> bytes | None:
        parts = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts += message.get("body", b"")
            if not message.get("more_body") or len(parts) > self._most:
                return bytes(parts)

    def _too_large(self) -> Failed:
        return Failed(
            status=413, error="Request too large", message=f"A request may have {self._most} bytes on this server."
        )


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value[:_MOST_DIGITS])
    return 0
