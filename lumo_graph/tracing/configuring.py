"""Set up OpenTelemetry's SDK for a process: the only module here that needs more than the API."""

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import _logs as logs
from opentelemetry import metrics as meters
from opentelemetry import trace

from lumo_graph.errors import ConfigurationError
from lumo_graph.tracing.content import Capture, Redact, choose_content, content
from lumo_graph.tracing.correlation import correlate_logs
from lumo_graph.tracing.destinations import Destinations
from lumo_graph.tracing.exits import at_exit

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

_SERVICE = "lumo_graph"
_PROJECT = "openinference.project.name"

_lock = threading.Lock()


def configure_tracing(
    *,
    service_name: str | None = None,
    endpoint: str | None = None,
    headers: Mapping[str, str] | None = None,
    exporter: "SpanExporter | None" = None,
    metrics: bool | None = None,
    capture_content: Capture | None = None,
    redact: Redact | None = None,
) -> bool:
    """Send the traces and metrics of this process's runs to where they can be seen.

    Reads OpenTelemetry's own variables (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
    `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`, `_PROTOCOL` and `_TIMEOUT`, `OTEL_TRACES_EXPORTER`,
    `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`, `OTEL_SDK_DISABLED`), and `LANGFUSE_PUBLIC_KEY`,
    `LANGFUSE_SECRET_KEY` and `LANGFUSE_HOST`. A tracer provider that is set already stays: runs are traced by it.

    Spans are sent in batches by a thread of their own. A collector that is slow or dead costs a run nothing, and the
    end of the process at most five seconds. Calling it again changes only what content is told, and of that only what
    is given.

    Args:
        service_name: of this process, as dashboards show it; `lumo_graph` unless given or set by a variable.
        endpoint: where an OTLP collector listens, such as `http://localhost:6006` for Phoenix, with or without the
            `/v1/traces` at its end. None: what the variables say, else `http://localhost:4318`. Needs the extra
            `otlp`.
        headers: sent with each export to `endpoint`.
        exporter: where spans go instead.
        metrics: send metrics to the collector too. None: what `OTEL_METRICS_EXPORTER` says; else if a variable names
            the collector, and not to `endpoint`: dashboards for traces take none.
        capture_content: whether prompts, code, arguments and results are told: `"NO_CONTENT"`, `"SPAN_ONLY"`,
            `"EVENT_ONLY"` or `"SPAN_AND_EVENT"`. None: what `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`
            says, else nothing of it.
        redact: gets every text of content before it is told, numbers as text too, and returns what may be told of it.
            It is called in the run, so it must be quick.

    Returns:
        Whether it has set a tracer provider.

    Raises:
        ConfigurationError: an argument or a variable cannot be used, or a package is missing.
    """
    if headers is not None and endpoint is None:
        raise ConfigurationError("headers are for an endpoint: give endpoint= too, or set OTEL_EXPORTER_OTLP_HEADERS.")
    if endpoint is not None and exporter is not None:
        raise ConfigurationError("endpoint and exporter are both given. An exporter knows its own endpoint.")
    choose_content(capture_content, redact)
    with _lock:
        if is_disabled():
            return False
        correlate_logs()
        if provider_is_set():
            return False
        where = Destinations(endpoint=endpoint, headers=headers, metrics=metrics)
        exporters = [exporter] if exporter is not None else where.spans()
        figures = where.figures()
        records = where.records() if exporter is None and content().in_events else where.records_if_named()
        resource = _resource(service_name)
        _set_metrics(resource, figures)
        _set_logs(resource, records)
        set_provider(resource, [_batched(one) for one in exporters])
        return True


def is_disabled() -> bool:
    """Whether the environment turns OpenTelemetry off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def provider_is_set() -> bool:
    """Whether somebody has set a tracer provider in this process."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def set_provider(resource: "Resource | None", processors: "Sequence[SpanProcessor]") -> None:
    """Set the tracer provider of the process."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the SDK is for those who ask for it

    provider = TracerProvider(resource=resource or _resource(None), shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    at_exit(provider.shutdown)


def _resource(service_name: str | None) -> "Resource":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above

    found = Resource.create({} if service_name is None else {"service.name": service_name})
    name = str(found.attributes.get("service.name", ""))
    if name.startswith("unknown_service"):
        name = _SERVICE
    # Where Phoenix sorts traces in; it does not look at the service.
    return Resource({_PROJECT: name}).merge(found).merge(Resource({"service.name": name}))


def _batched(exporter: "SpanExporter") -> "SpanProcessor":
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    return BatchSpanProcessor(exporter)


def _set_metrics(resource: "Resource", exporters: "Sequence[MetricExporter]") -> None:
    if not exporters:
        return
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - as above

    readers = [PeriodicExportingMetricReader(exporter) for exporter in exporters]
    provider = MeterProvider(readers, resource, shutdown_on_exit=False)
    meters.set_meter_provider(provider)
    at_exit(provider.shutdown)


def _set_logs(resource: "Resource", exporters: "Sequence[LogRecordExporter]") -> None:
    if not exporters:
        return
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415 - as above

    provider = LoggerProvider(resource, shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logs.set_logger_provider(provider)
    at_exit(provider.shutdown)
