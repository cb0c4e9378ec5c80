"""A collector that speaks OTLP over HTTP, on the loopback: it keeps what it is sent, or behaves badly on demand."""

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Sink:
    """What has come: raw and decoded."""

    def __init__(self, *, status=200, hangs=False):
        self.status = status
        self.released = threading.Event()
        if not hangs:
            self.released.set()
        self.requests = []
        self.url = ""

    @property
    def bytes(self):
        return b"\n".join(body for _, _, body in self.requests)

    def bodies(self, path):
        return [body for found, _, body in self.requests if found.endswith(path)]

    @property
    def spans(self):
        """Pairs of a resource's attributes and a span."""
        found = []
        for body in self.bodies("/v1/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                found += [(about, span) for scope in resource.scope_spans for span in scope.spans]
        return found

    @property
    def metrics(self):
        return {
            metric.name
            for body in self.bodies("/v1/metrics")
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def collecting(**behaviour):
    """A collector for the length of a `with` block."""
    sink = Sink(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sink.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            sink.released.wait(60)
            self.send_response(sink.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
