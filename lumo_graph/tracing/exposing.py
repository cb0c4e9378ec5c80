"""The metrics of a process for Prometheus, which comes and reads them. Needs a package of the extra `server`."""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from opentelemetry import metrics as meters

from lumo_graph.errors import ConfigurationError

Read: TypeAlias = Callable[[], tuple[bytes, str]]


@cache
def expose_metrics() -> Read:
    """Set up that this process's runs are counted; what reads the figures, as text and its media type.

    Raises:
        ConfigurationError: the package is missing, or the process sends its metrics elsewhere already.
    """
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - the extra
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise ConfigurationError("/metrics needs a package: pip install 'lumo-graph[server]'.") from error
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - the SDK is for those who ask for it

    if isinstance(meters.get_meter_provider(), MeterProvider):
        raise ConfigurationError(
            "This process sends its metrics elsewhere already: let Prometheus read them there, or set "
            "OTEL_METRICS_EXPORTER=none and have only traces sent."
        )
    registry = CollectorRegistry()
    meters.set_meter_provider(MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False))
    return lambda: (generate_latest(registry), CONTENT_TYPE_LATEST)
