"""A threaded HTTP server on loopback that can be stopped at any moment and then leaves nothing behind."""

import socket
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Condition
from typing import Any

from typing_extensions import override


class LoopbackServer(ThreadingTCPServer):
    """Serves on a free port of 127.0.0.1. Not `http.server.HTTPServer`, which asks DNS for its own name."""

    allow_reuse_address = True
    request_queue_size = 64
    daemon_threads = False
    block_on_close = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._changed = Condition()
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def port(self) -> int:
        """The port that was free."""
        return int(self.server_address[1])

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no connection is open; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout=seconds)

    def stop(self) -> None:
        """Take no more connections, break off the open ones and wait for their threads."""
        self.shutdown()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up, which scripted faults lead to; report everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
