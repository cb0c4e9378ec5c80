"""A real HTTP server on loopback that speaks chat completions from a script, faults included."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeAlias

from langchain_core.messages import AIMessage
from typing_extensions import override

from lumo_graph.testing.completions import completion, completion_chunks, endless_chunks
from lumo_graph.testing.loopback import LoopbackServer
from lumo_graph.testing.script import Script, ScriptError, preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The request is answered with an error status."""

    status: int
    """HTTP status, such as 429 or 500."""
    message: str = "a scripted fault"
    """The provider's words."""
    code: str | None = None
    """The provider's name for the error, such as `insufficient_quota`."""
    retry_after: float | str | None = None
    """Value of the `Retry-After` header: seconds or an HTTP date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """The connection breaks off in the middle of a streamed reply."""

    after_chunks: int = 0
    """Chunks that are still sent; 0 breaks off before the answer begins."""
    reply: str | AIMessage = "This reply is never going to come to its end."
    """The reply that begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endless:
    """A streamed reply that goes on until the client hangs up."""

    text: str = "and on "
    """Content of every chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedRequest:
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Any
    """The JSON of the body; None if there was none, or none that can be read."""


PlainReply: TypeAlias = str | AIMessage | Fault | Disconnect | Endless
ServerReply: TypeAlias = PlainReply | Callable[[dict[str, Any]], PlainReply]


class ScriptedOpenAI:
    """An OpenAI-compatible server with scripted replies, for tests with the real client.

    It answers `/v1/chat/completions`, streaming and not, with tool calls and usage, and `/v1/models`. Leaving the
    context fails if replies are left or a request was not expected, and leaves no thread and no port behind.

    Args:
        replies: in order: text, an AIMessage, a fault, or a function from the request's body to one of these.

    Example:
        with ScriptedOpenAI([Fault(status=429, retry_after=0), "Hello."]) as server:
            model = resolve_model("openai:any", base_url=server.base_url)
    """

    def __init__(self, replies: Iterable[ServerReply]) -> None:
        self._script: Script[ScriptedRequest, ServerReply] = Script(replies)
        self._requests: list[ScriptedRequest] = []
        self._server: LoopbackServer | None = None
        self._thread: Thread | None = None

    @property
    def base_url(self) -> str:
        """The address to give to a client. Valid inside the context."""
        if self._server is None:
            raise ScriptError("The server runs only inside its context: use `with ScriptedOpenAI(...) as server`.")
        return f"http://127.0.0.1:{self._server.port}/v1"

    @property
    def requests(self) -> list[ScriptedRequest]:
        """Every request so far, in order."""
        return list(self._requests)

    def wait_until_idle(self, seconds: float = 10.0) -> bool:
        """Wait until every request is answered or its client has hung up; False if that takes longer."""
        return self._server is None or self._server.wait_until_idle(seconds)

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="scripted-openai")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server and self._thread:
            self._server.stop()
            self._thread.join()
            self._server = None
        if error is None:
            self._script.check()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script, requests = self._script, self._requests

        class Handler(_CompletionsHandler):
            pass

        Handler.script, Handler.requests = script, requests
        return Handler


class _CompletionsHandler(BaseHTTPRequestHandler):
    script: Script[ScriptedRequest, ServerReply]
    requests: list[ScriptedRequest]

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test's output is its own."""

    def _answer(self) -> None:
        # One request a connection, so that no thread waits for a second one.
        self.close_connection = True
        request = self._read()
        self.requests.append(request)
        if (request.method, request.path) == ("GET", "/v1/models"):
            self._send_json(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})
        elif (request.method, request.path) == ("POST", "/v1/chat/completions"):
            self._complete(request)
        else:
            self._refuse(f"there is no {request.method} {request.path}")

    def _read(self) -> ScriptedRequest:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body: Any = json.loads(raw) if raw else None
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        return ScriptedRequest(method=self.command, path=self.path, headers=headers, body=body)

    def _complete(self, request: ScriptedRequest) -> None:
        is_object = isinstance(request.body, dict)
        body: dict[str, Any] = request.body if is_object else {}
        if not isinstance(body.get("messages"), list):
            self._refuse(f"a request without messages: {preview(body)}")
            return
        last_message = str(body["messages"][-1].get("content")) if body["messages"] else ""
        try:
            number, reply = self.script.take(request, last_message=last_message)
        except ScriptError as error:
            self._send_error(Fault(status=500, message=str(error)))
            return
        try:
            plain = reply(body) if callable(reply) else reply
        except Exception as error:  # noqa: BLE001 - whatever a test's function raises must fail the test
            self._refuse(f"the function for reply {number} raised {error!r}")
            return
        self._send_reply(plain, body, number)

    def _send_reply(self, reply: PlainReply, body: dict[str, Any], number: int) -> None:
        if isinstance(reply, Fault):
            self._send_error(reply)
        elif isinstance(reply, Disconnect):
            chunks = completion_chunks(reply.reply, body, number)
            if reply.after_chunks > 0:
                self._send_events(chunk for chunk, _ in zip(chunks, range(reply.after_chunks), strict=False))
        elif not body.get("stream"):
            if isinstance(reply, Endless):
                self._refuse("an Endless reply needs a streaming request")
            else:
                self._send_json(200, completion(reply, body, number))
        else:
            endless = isinstance(reply, Endless)
            self._send_events(
                endless_chunks(reply.text, body, number) if endless else completion_chunks(reply, body, number)
            )
            self._write_chunk(b"data: [DONE]\n\n")
            self._write_chunk(b"")

    def _send_events(self, chunks: Iterable[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self._write_chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _write_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, complaint: str) -> None:
        self.script.complain(complaint)
        self._send_error(Fault(status=500, message=complaint))

    def _send_error(self, fault: Fault) -> None:
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        error = {"message": fault.message, "type": "scripted_fault", "param": None, "code": fault.code}
        self._send_json(fault.status, {"error": error}, headers)

    def _send_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, header in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, header)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
