"""Set up OpenTelemetry's SDK for a process: the only module here that needs more than the API."""

import base64
import os
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import nan
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry import _logs as logs
from opentelemetry import metrics as meters
from opentelemetry import trace

from lumo_graph.errors import ConfigurationError
from lumo_graph.tracing.content import Capture, Redact, choose_content, content
from lumo_graph.tracing.correlation import correlate_logs
from lumo_graph.tracing.exits import LONGEST_EXPORT_SECONDS, at_exit

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

LANGFUSE_CLOUD = "https://cloud.langfuse.com"
_SERVICE = "lumo_graph"
_PROJECT = "openinference.project.name"
_PATHS = {"traces": "v1/traces", "metrics": "v1/metrics", "logs": "v1/logs"}
_CLASSES = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
_PROTOCOLS = {"http/protobuf": "http", "grpc": "grpc"}

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
        where = _Destinations(endpoint=endpoint, headers=headers, metrics=metrics)
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


class _Destinations:
    """Where the environment and the arguments want things sent."""

    def __init__(self, *, endpoint: str | None, headers: Mapping[str, str] | None, metrics: bool | None = None) -> None:
        self._metrics = metrics
        whole = None if endpoint is None else _checked_url(endpoint, "endpoint").rstrip("/")
        # Many guides give the address with the path of the traces.
        self._endpoint = None if whole is None else whole.removesuffix(f"/{_PATHS['traces']}")
        self._headers = headers

    def spans(self) -> "list[SpanExporter]":
        langfuse = _langfuse()
        # Without a collector of its own, Langfuse is the destination.
        default = "none" if langfuse and not self._has_endpoint("traces") else "otlp"
        found: list[Any] = []
        for kind in _kinds("OTEL_TRACES_EXPORTER", default):
            if kind == "console":
                from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415 - as above

                found.append(ConsoleSpanExporter())
            else:
                found.append(self._otlp("traces"))
        if langfuse is not None:
            found.append(_otlp("traces", endpoint=langfuse[0], headers=langfuse[1], protocol="http/protobuf"))
        return found

    def figures(self) -> "list[MetricExporter]":
        if self._metrics is False:
            return []
        named = self._endpoint is None and self._has_endpoint("metrics")
        default = "otlp" if named or self._metrics else "none"
        found: list[Any] = []
        for kind in _kinds("OTEL_METRICS_EXPORTER", default):
            if kind == "console":
                from opentelemetry.sdk.metrics.export import ConsoleMetricExporter  # noqa: PLC0415 - as above

                found.append(ConsoleMetricExporter())
            else:
                found.append(self._otlp("metrics"))
        return found

    def records_if_named(self) -> "list[LogRecordExporter]":
        return self.records() if os.environ.get("OTEL_LOGS_EXPORTER") else []

    def records(self) -> "list[LogRecordExporter]":
        found: list[Any] = []
        # Langfuse takes traces alone: events go to a collector, if there is one.
        default = "none" if _langfuse() and not self._has_endpoint("logs") else "otlp"
        for kind in _kinds("OTEL_LOGS_EXPORTER", default):
            if kind == "console":
                from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter  # noqa: PLC0415 - as above

                found.append(ConsoleLogRecordExporter())
            else:
                found.append(self._otlp("logs"))
        return found

    def _has_endpoint(self, signal: str) -> bool:
        names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
        return self._endpoint is not None or any(os.environ.get(name) for name in names)

    def _otlp(self, signal: str) -> Any:
        if self._endpoint is not None:
            url = f"{self._endpoint}/{_PATHS[signal]}"
            return _otlp(signal, endpoint=url, headers=self._headers, protocol="http/protobuf")
        name = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
        protocol = os.environ.get(name) or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
        return _otlp(signal, protocol=protocol.strip().lower())


def _otlp(signal: str, *, protocol: str, endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> Any:
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"OTEL_EXPORTER_OTLP_PROTOCOL must be one of {', '.join(_PROTOCOLS)}: {protocol!r}.")
    package, (module, name) = _PROTOCOLS[protocol], _CLASSES[signal]
    try:
        exporter = getattr(import_module(f"opentelemetry.exporter.otlp.proto.{package}.{module}"), name)
    except ModuleNotFoundError as error:
        how = "'lumo-graph[otlp]'" if package == "http" else "opentelemetry-exporter-otlp-proto-grpc"
        raise ConfigurationError(f"Sending traces needs a package that is not installed: pip install {how}.") from error
    given: dict[str, Any] = {} if endpoint is None else {"endpoint": endpoint, "headers": dict(headers or {})}
    return exporter(timeout=_export_seconds(signal), **given)


def _export_seconds(signal: str) -> float:
    for name in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        if text := os.environ.get(name, "").strip():
            try:
                seconds = float(text)
            except ValueError:
                seconds = nan
            if not seconds > 0:
                raise ConfigurationError(f"{name} must be a number of seconds, not {text!r}.")
            return min(seconds, LONGEST_EXPORT_SECONDS)
    return LONGEST_EXPORT_SECONDS


def _kinds(variable: str, default: str) -> list[str]:
    given = os.environ.get(variable, "").strip() or default
    kinds = [kind.strip().lower() for kind in given.split(",") if kind.strip()]
    if unknown := [kind for kind in kinds if kind not in {"otlp", "console", "none"}]:
        raise ConfigurationError(f"{variable} must name otlp, console or none, not {unknown[0]!r}.")
    return [kind for kind in kinds if kind != "none"]


def _langfuse() -> tuple[str, dict[str, str]] | None:
    public, secret = (os.environ.get(f"LANGFUSE_{name}_KEY", "").strip() for name in ("PUBLIC", "SECRET"))
    if not public and not secret:
        return None
    if not (public and secret):
        missing = "LANGFUSE_SECRET_KEY" if public else "LANGFUSE_PUBLIC_KEY"
        raise ConfigurationError(f"{missing} is not set: Langfuse needs both of its keys.")
    host = os.environ.get("LANGFUSE_HOST") or os.environ.get("LANGFUSE_BASE_URL") or LANGFUSE_CLOUD
    url = _checked_url(host, "LANGFUSE_HOST")
    token = base64.b64encode(f"{public}:{secret}".encode()).decode()
    return f"{url.rstrip('/')}/api/public/otel/v1/traces", {"Authorization": f"Basic {token}"}


def _checked_url(url: str, what: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = f"{parts.scheme}://{parts.hostname or ''}"  # the rest may hold a key
        raise ConfigurationError(f"{what} must be an address such as 'http://localhost:4318', not {shown!r}.")
    return url.strip()


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
