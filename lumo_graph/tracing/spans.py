"""One span around one piece of work, whatever way the work ends. A failure of it is told by its class alone."""

import asyncio
import logging
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from lumo_graph.steering import steers_the_graph
from lumo_graph.storable import whole_characters
from lumo_graph.tracing import names

_logger = logging.getLogger("lumo_graph")
_tracer = trace.get_tracer(names.SCOPE)
"""Follows the provider that is set, whenever that is."""


class Work:
    """A span that is current in a `with` block, and ends with it.

    Args:
        name: of the span.
        attributes: known from the beginning; what is None is left out.
        kind: of the span.
        parent: its parent's context; None: the current one.
        on: whether there is a span at all.
    """

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Any],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        on: bool = True,
    ) -> None:
        self.on = on
        self._parent = otel.get_current() if parent is None else parent
        self.span: Span = trace.INVALID_SPAN
        if on:
            with harmless():
                # The defaults would record the text of exceptions, which may hold what nobody wants in a trace.
                self.span = _tracer.start_span(
                    whole_characters(name),
                    self._parent,
                    kind=kind,
                    attributes=_given(attributes),
                    record_exception=False,
                    set_status_on_exception=False,
                )
        self.recording = self.span.is_recording()
        self._lock = threading.Lock()
        self._ended = False
        self._started = time.perf_counter()
        self._token: Any = None
        self.error_type: str | None = None
        self.ending: str | None = None
        """How it ended, if it was not let to its end and did not fail."""

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes; what is None is left out."""
        if self.recording:
            self.span.set_attributes(_given(attributes))

    def fail(self, error_type: str) -> None:
        """Mark it as failed."""
        self.error_type = error_type
        if self.recording:
            self.span.set_status(Status(StatusCode.ERROR))
            self.span.set_attribute(names.ERROR_TYPE, whole_characters(error_type))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self._started

    def __enter__(self) -> Self:
        if self.on:
            self._token = otel.attach(trace.set_span_in_context(self.span, self._parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.on:
            return
        if error is not None:
            self.ending = ending_of(error)
            if self.ending is None:
                self.fail(type(error).__name__)
            else:
                self.set({names.OUTCOME: self.ending})
        try:
            self.end()
        finally:
            otel.detach(self._token)

    def end(self, ending: str | None = None) -> None:
        """End it, if it has not ended: at the end of its block, or before that if nobody waits for it any more.

        Args:
            ending: how, if it was not let to its end.
        """
        with self._lock:
            if self._ended or not self.on:
                return
            self._ended = True
        if ending is not None:
            self.ending = ending
            self.set({names.OUTCOME: ending})
        with harmless():
            self.measure(self.seconds)
        self.recording = False
        with harmless():
            self.span.end()

    def measure(self, seconds: float) -> None:
        """Called at the end, before the span is closed: where its figures are recorded."""


@contextmanager
def harmless() -> Generator[None, None, None]:
    """What fails in here is told in the log by its class alone: no trace is worth a run."""
    try:
        yield
    except Exception as failure:  # noqa: BLE001 - of a processor, a sampler or a view of the user's
        _logger.warning("a part of the trace is lost: %s", type(failure).__name__)


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    # Text that cannot be encoded would be lost in the exporter, with a traceback for each attribute.
    return {
        name: whole_characters(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }


@contextmanager
def entered(context: Context | None) -> Generator[None, None, None]:
    """Have a context current in a `with` block; None leaves the one that is."""
    if context is None:
        yield
        return
    token = otel.attach(context)
    try:
        yield
    finally:
        otel.detach(token)


def ending_of(error: BaseException) -> str | None:
    """How work ended that was not let to its end without having failed; None for a failure."""
    if steers_the_graph(error):
        return "interrupted"
    return "cancelled" if isinstance(error, (GeneratorExit, asyncio.CancelledError, KeyboardInterrupt)) else None
