"""The door: who may come in. Asked before a byte of a request's body is read."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from lumo_graph.server.answers import OPEN, refusal
from lumo_graph.wire.failures import Failed

_WRONG_KEY = Failed(
    status=401,
    error="Invalid or missing API key",
    message="Invalid or missing API key. Send it as Authorization: Bearer KEY.",
)
_WRONG_HOST = Failed(status=400, error="Bad request", message="The Host header names another server.")


class Guard:
    """Lets in who shows the key, and through the right door.

    Args:
        app: what is behind the door.
        api_key: the key; None: nobody is asked for one.
        hosts: names that the `Host` header may have, without a port; none: all. A page in a browser whose name has
            been made to point to this machine is kept out by it.
    """

    def __init__(self, app: ASGIApp, *, api_key: str | None, hosts: Sequence[str]) -> None:
        self._app = app
        self._digest = None if api_key is None else _digest(api_key.strip().encode())
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None and scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # there are none here
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await refusal(refused or _WRONG_KEY)(scope, receive, send)

    def _refused(self, scope: Scope) -> Failed | None:
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        if self._hosts and _host(headers) not in self._hosts:
            return _WRONG_HOST
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        if self._digest is None or path == OPEN:
            return None
        given = [value for name, value in headers if name.lower() == b"authorization"]
        scheme, _, key = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        # Of equal length whatever was sent, so that the time tells nothing.
        right = hmac.compare_digest(_digest(key.strip()), self._digest)
        return None if right and scheme.lower() == b"bearer" else _WRONG_KEY


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _host(headers: Sequence[tuple[bytes, bytes]]) -> str:
    given = [value.decode("latin-1").strip().lower() for name, value in headers if name.lower() == b"host"]
    if len(given) != 1:
        return ""
    name, colon, port = given[0].rpartition(":")
    return name if colon and port.isdecimal() else given[0]
