"""A real SDK provider for the length of one test, and the spans it got as a tree."""

import json
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from lumo_graph.tracing import content as told
from lumo_graph.tracing.content import VARIABLE


class Open(SpanProcessor):
    """The names of the spans that have begun and not ended."""

    def __init__(self):
        self.spans = {}

    def on_start(self, span, parent_context=None):
        self.spans[span.context.span_id] = span.name

    def on_end(self, span):
        self.spans.pop(span.context.span_id, None)


OPEN = Open()
# One for the process: a tracer keeps the first real provider that it has met.
EXPORTER = InMemorySpanExporter()
PROVIDER = TracerProvider(sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False)
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))
PROVIDER.add_span_processor(OPEN)


def forget_choices():
    """Leave the content to the variable, as in a new process."""
    told._chosen[0], told._hook[0] = None, None
    told._warnings.clear()


@dataclass
class Spans:
    """The spans that have ended since the test began, or since they were looked at last."""

    exporter: InMemorySpanExporter

    @property
    def all(self):
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)

    def named(self, name):
        return [span for span in self.all if span.name.startswith(name)]

    def one(self, name):
        (span,) = self.named(name)
        return span

    @property
    def tree(self):
        """The tree as lines, each indented below its parent; there must be one root."""
        spans = self.all
        known = {span.context.span_id for span in spans}
        below = {}
        for span in spans:
            parent = span.parent.span_id if span.parent else None
            below.setdefault(parent if parent in known else None, []).append(span)
        assert len({span.context.trace_id for span in spans}) == 1, "more than one trace"

        def lines(parent, depth):
            for span in below.get(parent, []):
                yield "  " * depth + span.name
                yield from lines(span.context.span_id, depth + 1)

        return [*lines(None, 0)]

    def parent_of(self, span):
        return next(other for other in self.all if other.context.span_id == span.parent.span_id)

    def told(self):
        """All that an exporter is given of them, as text."""
        return "\n".join(json.dumps(json.loads(span.to_json())) for span in self.all)

    def clear(self):
        self.exporter.clear()


@pytest.fixture
def tracer(monkeypatch):
    """A tracer of the caller's own."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", PROVIDER)
    return PROVIDER.get_tracer("the caller")


@pytest.fixture
def spans(tracer, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    EXPORTER.clear()
    OPEN.spans.clear()
    yield Spans(EXPORTER)
    assert not OPEN.spans, "a span has not ended"
    EXPORTER.clear()
    forget_choices()
    assert not trace.get_current_span().get_span_context().is_valid, "a span has leaked"
