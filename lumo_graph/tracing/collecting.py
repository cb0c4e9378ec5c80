"""The spans of this process, kept to be looked at here."""

import threading

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from lumo_graph.tracing.configuring import provider_is_set, set_provider
from lumo_graph.tracing.names import SCOPE


class Collected(SpanProcessor):
    """The ended spans of this library, in the order in which they ended; at most `most` of them."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        scope = span.instrumentation_scope
        with self._lock:
            if scope is not None and scope.name == SCOPE and len(self._spans) < self._most:
                self._spans.append(span)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended so far."""
        with self._lock:
            return list(self._spans)


def collect_spans() -> Collected:
    """Collect from now on, by the provider that is set or by one that sends spans nowhere else."""
    collected = Collected()
    if not provider_is_set():
        set_provider(None, [collected])
    elif isinstance(provider := trace.get_tracer_provider(), TracerProvider):
        provider.add_span_processor(collected)
    return collected
