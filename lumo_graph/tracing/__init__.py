"""One OpenTelemetry tree for each run, its metrics, and what of its content may be told.

The library uses OpenTelemetry's API only: spans go nowhere until somebody sets a provider. `configure_tracing` does.
"""

from lumo_graph.tracing.calls import CodeAction, ToolCallWork
from lumo_graph.tracing.chats import Chat, provider_of
from lumo_graph.tracing.runs import Place, RunTrace, Traced, begin_run, current_run, part_of_run, untraced
from lumo_graph.tracing.spans import entered

__all__ = [
    "Chat",
    "CodeAction",
    "Place",
    "RunTrace",
    "ToolCallWork",
    "Traced",
    "begin_run",
    "current_run",
    "entered",
    "part_of_run",
    "provider_of",
    "untraced",
]
