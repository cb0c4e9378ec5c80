"""Spans that are named by text: the caller's `traceparent`, and the one a checkpoint keeps of its run."""

from collections.abc import Mapping
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_FIELDS = ("traceparent", "tracestate")
_propagator = TraceContextTextMapPropagator()


def parent_context(config: Mapping[str, Any]) -> Context:
    """The context that a run begins in: the current span's; else that of the `traceparent` in its config.

    Args:
        config: of the run. `configurable` and `metadata` may hold `traceparent` and `tracestate`; what is no
            traceparent is as none.
    """
    current = otel.get_current()
    if trace.get_current_span(current).get_span_context().is_valid:
        return current
    for place in ("configurable", "metadata"):
        given: Mapping[str, Any] = config.get(place) or {}
        carrier = {name: given[name] for name in _FIELDS if isinstance(given.get(name), str)}
        if "traceparent" in carrier:
            return _propagator.extract(carrier, current)
    return current


def traceparent_of(span: Span) -> str | None:
    """The W3C form of a span's place; None if it has none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent")


def span_context_of(traceparent: object) -> SpanContext | None:
    """The span that a checkpoint names; None if it names none."""
    if not isinstance(traceparent, str):
        return None
    context = _propagator.extract({"traceparent": traceparent}, Context())
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None
