"""Where traces, metrics and events are sent: what the environment and the arguments say, as exporters."""

import base64
import os
from collections.abc import Mapping
from importlib import import_module
from math import nan
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lumo_graph.errors import ConfigurationError
from lumo_graph.tracing.exits import LONGEST_EXPORT_SECONDS

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

LANGFUSE_CLOUD = "https://cloud.langfuse.com"
_PATHS = {"traces": "v1/traces", "metrics": "v1/metrics", "logs": "v1/logs"}
_CLASSES = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
_CONSOLES = {
    "traces": ("trace", "ConsoleSpanExporter"),
    "metrics": ("metrics", "ConsoleMetricExporter"),
    "logs": ("_logs", "ConsoleLogRecordExporter"),
}
_PROTOCOLS = {"http/protobuf": "http", "grpc": "grpc"}


class Destinations:
    """Where the environment and the arguments want things sent.

    Args:
        endpoint: of a collector; None: the environment says.
        headers: sent to `endpoint`.
        metrics: whether metrics go there too; None: the environment says.

    Raises:
        ConfigurationError: an argument cannot be used; from the methods: a variable cannot, or a package is missing.
    """

    def __init__(self, *, endpoint: str | None, headers: Mapping[str, str] | None, metrics: bool | None = None) -> None:
        self._metrics = metrics
        whole = None if endpoint is None else _checked_url(endpoint, "endpoint").rstrip("/")
        # Many guides give the address with the path of the traces.
        self._endpoint = None if whole is None else whole.removesuffix(f"/{_PATHS['traces']}")
        self._headers = headers

    def spans(self) -> "list[SpanExporter]":
        """Of spans."""
        langfuse = _langfuse()
        # Without a collector of its own, Langfuse is the destination.
        found = self._exporters("traces", "none" if langfuse and not self._has_endpoint("traces") else "otlp")
        if langfuse is not None:
            found.append(_otlp("traces", endpoint=langfuse[0], headers=langfuse[1], protocol="http/protobuf"))
        return found

    def figures(self) -> "list[MetricExporter]":
        """Of metrics."""
        if self._metrics is False:
            return []
        named = self._endpoint is None and self._has_endpoint("metrics")
        return self._exporters("metrics", "otlp" if named or self._metrics else "none")

    def records_if_named(self) -> "list[LogRecordExporter]":
        """Of log records, if a variable names where they go."""
        return self.records() if os.environ.get("OTEL_LOGS_EXPORTER") else []

    def records(self) -> "list[LogRecordExporter]":
        """Of log records, which are events with content."""
        # Langfuse takes traces alone: events go to a collector, if there is one.
        return self._exporters("logs", "none" if _langfuse() and not self._has_endpoint("logs") else "otlp")

    def _exporters(self, signal: str, default: str) -> list[Any]:
        kinds = _kinds(f"OTEL_{signal.upper()}_EXPORTER", default)
        return [_console(signal) if kind == "console" else self._otlp(signal) for kind in kinds]

    def _has_endpoint(self, signal: str) -> bool:
        return self._endpoint is not None or any(os.environ.get(name) for name in _endpoint_names(signal))

    def _otlp(self, signal: str) -> Any:
        if self._endpoint is not None:
            url = f"{self._endpoint}/{_PATHS[signal]}"
            return _otlp(signal, endpoint=url, headers=self._headers, protocol="http/protobuf")
        name = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
        protocol = os.environ.get(name) or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
        protocol = protocol.strip().lower()
        if protocol == "http/protobuf":  # gRPC takes a host and a port without a scheme too
            for name in _endpoint_names(signal):
                if given := os.environ.get(name):
                    _checked_url(given, name)
        return _otlp(signal, protocol=protocol)


def _endpoint_names(signal: str) -> tuple[str, str]:
    return "OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"


def _console(signal: str) -> Any:
    module, name = _CONSOLES[signal]
    return getattr(import_module(f"opentelemetry.sdk.{module}.export"), name)()


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
