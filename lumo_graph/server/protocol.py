"""HTTP as uvicorn speaks it, with a limit to how long a request may take to begin."""

import asyncio
from typing import Any, ClassVar

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol


class PunctualProtocol(H11Protocol):
    """Hangs up on clients that do not come to the end of the head of a request in time."""

    head_seconds: ClassVar[float] = 30.0
    """From the connection, or from the first byte of a later request on it."""
    _late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._has_request():
            self._forget()
        elif self._late is None:
            self._late = asyncio.get_running_loop().call_later(self.head_seconds, self._hang_up)

    def _has_request(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if not self._has_request():
            self.transport.close()


def protocol_with(head_seconds: float) -> type[asyncio.Protocol]:
    """The protocol with a limit of its own."""
    return type("Protocol", (PunctualProtocol,), {"head_seconds": head_seconds})
