"""The figures of runs, as OpenTelemetry's instruments. Never an id among their dimensions."""

from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

from opentelemetry import metrics
from opentelemetry.metrics import Counter, Histogram

from lumo_graph.tracing import names

Dimensions: TypeAlias = Mapping[str, str | bool | int]

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
_COUNTS = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200)
_BYTES = (0, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class Instruments:
    """All of them, made once a process: until a meter provider is set, they measure nothing."""

    def __init__(self) -> None:
        meter = metrics.get_meter(names.SCOPE)

        def histogram(name: str, unit: str, description: str, buckets: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)

        self.model_seconds = histogram(
            "gen_ai.client.operation.duration", "s", "Duration of one attempt of a model call", _SECONDS
        )
        self.tokens = histogram("gen_ai.client.token.usage", "{token}", "Tokens of one model call", _TOKENS)
        self.tool_seconds = histogram(
            "gen_ai.execute_tool.duration", "s", "Duration of one tool call or code action", _SECONDS
        )
        self.run_seconds = histogram("gen_ai.invoke_agent.duration", "s", "Duration of one run", _RUN_SECONDS)
        self.steps = histogram("lumo_graph.agent.steps", "{step}", "Steps of one run", _COUNTS)
        self.debug_attempts = histogram(
            "lumo_graph.self_debug.attempts", "{attempt}", "Repairs of failed actions in one run", _COUNTS
        )
        self.sandbox_seconds = histogram(
            "lumo_graph.sandbox.duration", "s", "What the code of one action took in its session", _SECONDS
        )
        self.checkpoint_bytes = histogram(
            "lumo_graph.checkpoint.size", "By", "What one action added to the checkpoint: variables and files", _BYTES
        )
        self.cost: Counter = meter.create_counter(
            "lumo_graph.cost", "{cost}", "Cost of model calls, in the currency in which the provider reports it"
        )
        self.runs: Counter = meter.create_counter("lumo_graph.runs", "{run}", "Runs that ended, by outcome")


@cache
def instruments() -> Instruments:
    """The instruments of this process."""
    return Instruments()
