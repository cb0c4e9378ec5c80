"""Running actions in lumo_graph's sessions, and making sure that they did what is timed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.session import ProcessSession
from lumo_graph.types import Execution, Limits, Serve, ToolReply, ToolRequest, ToolSpec

_SECONDS = 120.0


@contextmanager
def open_session(
    executor: ProcessExecutor, *, tools: Sequence[ToolSpec] = (), namespace: Mapping[str, bytes] | None = None
) -> Iterator[ProcessSession]:
    """A session that is closed in the end."""
    session = executor.open(namespace, tools=tools, limits=Limits())
    try:
        yield session
    finally:
        session.close()


def execute(session: ProcessSession, code: str, serve: Serve | None = None) -> Execution:
    """Run an action that must not fail."""
    execution = session.execute(code, seconds=_SECONDS, serve=serve or _serve_nothing)
    if execution.error is not None:
        raise RuntimeError(f"{execution.error.kind}: {execution.error.message} (in {code[:100]!r})")
    return execution


def execute_deadly(session: ProcessSession, code: str, seconds: float = _SECONDS) -> Execution:
    """Run an action that ends its own process or has to be ended, which the session must survive."""
    execution = session.execute(code, seconds=seconds, serve=_serve_nothing)
    if not (execution.rolled_back and session.alive):
        raise RuntimeError(f"The session did not go back to its copy: {execution.error!r}.")
    return execution


def _serve_nothing(request: ToolRequest) -> ToolReply:
    return ToolReply(error=f"there is no tool {request.name!r}")
