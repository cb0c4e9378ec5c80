"""The ids of the current span on the records of the `lumo_graph` logger, for log lines that lead to their trace."""

import logging

from opentelemetry import trace
from opentelemetry.trace import format_span_id, format_trace_id


class _Correlation(logging.Filter):
    """Gives each record `otelTraceID`, `otelSpanID` and `otelTraceSampled`, as OpenTelemetry's own logging does."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = trace.get_current_span().get_span_context()
        record.otelTraceID = format_trace_id(context.trace_id) if context.is_valid else "0"
        record.otelSpanID = format_span_id(context.span_id) if context.is_valid else "0"
        record.otelTraceSampled = context.trace_flags.sampled
        return True


_filter = _Correlation()


def correlate_logs() -> None:
    """Do so from now on."""
    logging.getLogger("lumo_graph").addFilter(_filter)  # a second time it changes nothing
