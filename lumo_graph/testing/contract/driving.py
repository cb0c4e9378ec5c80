"""How the rules of the contract use a session."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from lumo_graph.errors import ExecutorError
from lumo_graph.types import Execution, Executor, Limits, Parameter, Session, Sources, ToolReply, ToolRequest, ToolSpec

SECONDS = 30.0
SHORT = 0.5
LIMITS = Limits()

TOOLS = (
    ToolSpec(
        name="echo",
        doc="Give back what it is given.",
        parameters=(Parameter(name="value"), Parameter(name="times", annotation="int", default="1")),
    ),
    ToolSpec(name="fetch", parameters=(Parameter(name="key", annotation="str"),), is_async=True),
    ToolSpec(name="fail", parameters=(Parameter(name="kind", annotation="str"),)),
)


def serve_request(request: ToolRequest) -> ToolReply:
    """Answer the tools that every checked session has."""
    if request.name == "fail":
        return ToolReply(error="no", error_type=request.args["kind"])
    if request.name == "fetch":
        return ToolReply(value=request.args["key"])
    return ToolReply(value=dict(request.args))


@contextmanager
def opened(executor: Executor, namespace: Mapping[str, bytes] | None = None) -> Generator[Session]:
    """A session with the tools of the contract, closed afterwards."""
    session = executor.open(namespace, tools=TOOLS, limits=LIMITS)
    try:
        yield session
    finally:
        session.close()


def run(session: Session, code: str, serve: Callable[[ToolRequest], ToolReply] = serve_request) -> Execution:
    """Run an action that must not fail."""
    done = session.execute(code, seconds=SECONDS, serve=serve)
    must(done.error is None, f"{code!r} failed: {done.error!r}")
    return done


def run_from(executor: Executor, code: str, sources: Sources) -> tuple[Execution, list[ToolRequest]]:
    """Run an action that must not fail, in a new session and from these sources, and note its calls."""
    requests: list[ToolRequest] = []

    def serve(request: ToolRequest) -> ToolReply:
        requests.append(request)
        return serve_request(request)

    with opened(executor) as session:
        done = session.execute(code, seconds=SECONDS, serve=serve, sources=sources)
    must(done.error is None, f"{code!r} failed: {done.error!r}")
    return done, requests


def fail(session: Session, code: str) -> Execution:
    """Run an action that must fail."""
    done = session.execute(code, seconds=SECONDS, serve=serve_request)
    must(done.error is not None, f"{code!r} did not fail")
    return done


def json_of(done: Execution) -> Any:
    """The plain data of the last expression."""
    must(done.value is not None, "no value")
    return done.value.json if done.value is not None else None


def merge(store: dict[str, bytes], changed: Mapping[str, bytes | None]) -> None:
    """Merge a snapshot into a store."""
    for name, blob in changed.items():
        if blob is None:
            store.pop(name, None)
        else:
            store[name] = blob


def must_be_undone(session: Session, name: str, value: object) -> None:
    """Check that a session whose action was undone has a variable from before it, or else is dead and says so."""
    if session.alive:
        must_equal(json_of(run(session, name)), value, f"{name} after the action was undone")
    else:
        must_be_dead(session)


def must_be_dead(session: Session) -> None:
    """Check that a session refuses to run an action."""
    must(not session.alive, "a session that has ended says that it is alive")
    try:
        session.execute("1", seconds=SECONDS, serve=serve_request)
    except ExecutorError:
        return
    raise AssertionError("a session that has ended ran an action")


def must_equal(found: object, wanted: object, what: str) -> None:
    """Check that what was found is what was wanted."""
    must(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def must(true: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion that survives `python -O`
    """Check a condition."""
    if not true:
        raise AssertionError(otherwise)
