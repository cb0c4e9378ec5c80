"""From a host's name to addresses that were all checked."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TypeAlias

import httpcore2

from lumo_graph.errors import AddressError
from lumo_graph.web.addresses import refusal_of

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""From a host and a port to numeric IP addresses, in order of preference. It blocks; raises OSError."""

_LAST_PORT = 65535
MAX_ADDRESSES = 32
"""A name with more is not looked at further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Looks a name up once, and refuses it if any of its addresses may not be connected to."""

    allow_private: bool = False
    """This machine and private networks may be connected to as well."""
    resolve: Resolve

    def addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        """The addresses of a host, each of them checked.

        Args:
            host: a name, or an IP address in any spelling that the system reads.
            port: the port that is connected to.
            timeout: seconds that the lookup may take; None for as long as the system likes.

        Raises:
            AddressError: the host has an address that may not be connected to.
            httpcore2.ConnectError: the host cannot be resolved.
            httpcore2.ConnectTimeout: the lookup takes longer.
        """
        try:
            return self._started(host, port).result(timeout)
        except FutureTimeoutError:
            raise _too_slow(host, timeout) from None

    async def aaddresses(self, host: str, port: int, timeout: float | None) -> list[str]:  # noqa: ASYNC109 - httpcore's
        """Like `addresses`, without blocking the event loop."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._started(host, port)), timeout)
        except TimeoutError:
            raise _too_slow(host, timeout) from None

    def _started(self, host: str, port: int) -> Future[list[str]]:
        """A lookup in a thread of its own: the system's cannot be interrupted, and one too slow ends when it likes."""
        answer: Future[list[str]] = Future()
        answer.set_running_or_notify_cancel()

        def look_up_and_check() -> None:
            try:
                answer.set_result(self._checked(host, port))
            except BaseException as error:  # noqa: BLE001 - raised again where the answer is awaited
                answer.set_exception(error)

        threading.Thread(target=look_up_and_check, name="lumo-lookup", daemon=True).start()
        return answer

    def _checked(self, host: str, port: int) -> list[str]:
        if not 0 < port <= _LAST_PORT:
            raise httpcore2.ConnectError(f"{port} is not a port: the last is {_LAST_PORT}.")
        try:
            found = list(dict.fromkeys(self.resolve(host, port)))
        except (OSError, ValueError) as error:  # ValueError: a name that no DNS server can be asked for
            raise httpcore2.ConnectError(f"{host!r} cannot be resolved: {error}") from error
        if not found:
            raise httpcore2.ConnectError(f"{host!r} has no address.")
        if len(found) > MAX_ADDRESSES:
            raise AddressError(
                f"{host!r} has {len(found)} addresses, more than the {MAX_ADDRESSES} that are looked at."
            )
        for address in found:
            if kind := refusal_of(address, allow_private=self.allow_private):
                raise AddressError(_refused(host, address, kind))
        return found


def _too_slow(host: str, timeout: float | None) -> httpcore2.ConnectTimeout:
    return httpcore2.ConnectTimeout(f"Looking up {host!r} took longer than {timeout or 0:.1f} s.")


def _refused(host: str, address: str, kind: str) -> str:
    leads = "" if host == address else f" leads to {address}, which"
    return f"{host!r}{leads} is not a public address ({kind}): it may not be connected to."


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]
