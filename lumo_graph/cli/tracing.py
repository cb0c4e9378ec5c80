"""What the command does with traces: send them where the environment says, and show them at the end of a run."""

import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from lumo_graph.tracing.collecting import Collected

_DESTINATIONS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "LANGFUSE_PUBLIC_KEY",
)


@contextmanager
def tracing(*, show: bool) -> Generator[Callable[[], None], None, None]:
    """Trace what runs in a `with` block.

    Args:
        show: print its tree to stderr afterwards, however it ends.

    Yields:
        What has to be called before a run begins, and after the files of the user's are loaded: they may set up tracing
        too, and whoever is first decides where spans are sent.

    Raises:
        ConfigurationError: the environment names a destination that cannot be used.
    """
    if any(os.environ.get(name) for name in _DESTINATIONS):
        from lumo_graph.tracing.configuring import configure_tracing  # noqa: PLC0415 - the SDK is slow to import

        # A collector that does not answer is told once, when the spans are lost, and not with every attempt.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        configure_tracing()
    collected: list[Collected] = []

    def begin() -> None:
        if show and not collected:
            from lumo_graph.tracing.collecting import collect_spans  # noqa: PLC0415 - same

            collected.append(collect_spans())

    try:
        yield begin
    finally:
        for one in collected:
            _print(one.spans)


def _print(spans: "list[ReadableSpan]") -> None:
    from lumo_graph.cli.tree import print_tree  # noqa: PLC0415 - rich

    if not spans and (why := _not_traced()):
        typer.echo(f"No trace: {why}.", err=True)
    print_tree(spans)


def _not_traced() -> str | None:
    """What in the environment keeps runs from being traced."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED turns it off"
    sampler = os.environ.get("OTEL_TRACES_SAMPLER")
    return f"OTEL_TRACES_SAMPLER={sampler} has left it out" if sampler else None
