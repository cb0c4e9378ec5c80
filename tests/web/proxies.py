"""A real HTTP proxy on loopback that leads every host to one port."""

import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler
from threading import Thread

from lumo_graph.testing.loopback import LoopbackServer


@dataclass(slots=True)
class Proxy:
    """A running proxy, and the hosts it was asked for."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxy_to(port: int, *, refusing: bool = False):
    """A proxy whose tunnels all end at `port` of 127.0.0.1, or that refuses to open any."""
    proxy = Proxy()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self._tunnel()

        def _tunnel(self) -> None:
            request = self.rfile.readline(8192).decode("latin-1").split()
            while self.rfile.readline(8192).strip():
                pass
            proxy.asked.append(request[1])
            if refusing:
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", port), 10) as onward:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = Thread(target=_pump, args=(onward, self.connection))
                back.start()
                _pump(self.connection, onward)
                back.join(10)

    server = LoopbackServer(Handler)
    proxy.port = server.port
    thread = Thread(target=server.serve_forever, args=(0.02,), name="proxy")
    thread.start()
    try:
        yield proxy
    finally:
        server.stop()
        thread.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    source.settimeout(20)
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
