"""Networks where every address is a server on loopback."""

import httpcore2
from typing_extensions import override


class Detour(httpcore2.NetworkBackend):
    """Connects to one port of 127.0.0.1 whatever the address, and remembers the address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self.sockets = httpcore2.SyncBackend()

    @override
    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.asked.append(host)
        return self.sockets.connect_tcp("127.0.0.1", self.port, timeout, local_address, socket_options)


class AsyncDetour(httpcore2.AsyncNetworkBackend):
    """Like `Detour`, for asyncio."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self.sockets = httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.asked.append(host)
        return await self.sockets.connect_tcp("127.0.0.1", self.port, timeout, local_address, socket_options)
