"""Real web servers on loopback, plain and with TLS."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from typing_extensions import override

from lumo_graph.testing.loopback import LoopbackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a path answers."""

    body: bytes | str = b""
    kind: str | None = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Page | Callable[[BaseHTTPRequestHandler], Page | None]


@dataclass(slots=True)
class Site:
    """A running server: what its paths answer, and what it was asked."""

    answers: dict[str, Answer]
    port: int = 0
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    server: LoopbackServer | None = None

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.seen]

    def idle(self) -> bool:
        assert self.server is not None
        return self.server.wait_until_idle(10)


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    @override
    def handle_one_request(self) -> None:
        # A client that hangs up, at whatever moment, is what many of these tests are about.
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.site.seen.append(Seen(method=self.command, path=self.path, headers=headers, body=body))
        answer = _answer_for(self.site.answers, self.path)
        page = answer if isinstance(answer, Page) else answer(self)
        if page is None:  # the answer was written, as far as it goes
            self.close_connection = True
        else:
            self._send(page)

    def _send(self, page: Page) -> None:
        content = page.body.encode() if isinstance(page.body, str) else page.body
        self.send_response(page.status)
        if page.kind is not None:
            self.send_header("Content-Type", page.kind)
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(LoopbackServer):
    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> None:
        self.tls = tls
        super().__init__(handler)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass

    @override
    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(30)
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


@contextmanager
def serve(answers: Mapping[str, Answer] | None = None, *, tls: ssl.SSLContext | None = None):
    """A site on a free port of 127.0.0.1. A path that ends in `*` answers all that begin with it."""
    site = Site(dict(answers or {}), scheme="https" if tls else "http")
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: site.names.append(name)
    site.server = server = _Server(type("Handler", (_Handler,), {"site": site}), tls)
    site.port = server.port
    thread = Thread(target=server.serve_forever, args=(0.02,), name="site")
    thread.start()
    try:
        yield site
    finally:
        server.stop()
        thread.join()


def _answer_for(answers: Mapping[str, Answer], path: str) -> Answer:
    plain = path.partition("?")[0]
    if plain in answers:
        return answers[plain]
    for prefix, answer in answers.items():
        if prefix.endswith("*") and plain.startswith(prefix[:-1]):
            return answer
    return Page(status=404, body="Nothing here.", kind="text/plain")
