"""Rules of the contract about tools that code calls."""

import threading
from contextvars import ContextVar
from typing import Any, NoReturn

from lumo_graph.testing.contract.driving import SECONDS, fail, json_of, must, must_be_undone, must_equal, opened, run
from lumo_graph.types import Executor, ToolReply, ToolRequest

_caller: ContextVar[str] = ContextVar("_caller", default="")


def tools_get_and_give_real_objects(executor: Executor) -> None:
    """Positional arguments bind to names with their types; results are objects, not text of them."""
    data: dict[str, Any] = {"list": [1, 2.5, None, True], "text": "é", "bytes": b"\x00\xff", "nested": {"a": {}}}
    with opened(executor) as session:
        done = run(session, f"given = echo({data!r}, 2)\n(given['value'] == {data!r}, given['times'])")
        must_equal(json_of(done), [True, 2], "echo")
        must_equal([call.name for call in done.calls], ["echo"], "calls")
        must_equal(done.calls[0].args, {"value": data, "times": 2}, "recorded arguments")
        must(done.calls[0].ok, "the call is recorded as failed")


def tools_describe_themselves(executor: Executor) -> None:
    """Name, docstring and signature are those of the tool."""
    with opened(executor) as session:
        done = run(session, "import inspect\n[echo.__name__, echo.__doc__, list(inspect.signature(echo).parameters)]")
        must_equal(json_of(done), ["echo", "Give back what it is given.", ["value", "times"]], "echo")


def wrong_tool_calls_are_type_errors(executor: Executor) -> None:
    """A call that does not fit the signature, or an argument that is no data, never reaches the host."""
    with opened(executor) as session:
        for code in ("echo()", "echo(1, tims=2)", "echo(lambda: 1)"):
            done = fail(session, code)
            must(done.error is not None and done.error.kind == "TypeError", f"{code}: {done.error!r}")
            must_equal(done.calls, (), f"{code}: calls")


def tool_errors_are_raised_in_the_code(executor: Executor) -> None:
    """As the builtin exception of that name, else as ToolError; code can catch them."""
    with opened(executor) as session:
        for kind, caught in (("ValueError", "ValueError"), ("WeatherError", "ToolError")):
            done = run(session, f"try:\n    fail({kind!r})\nexcept {caught} as error:\n    found = str(error)\nfound")
            must_equal(json_of(done), "no", f"message of {kind}")
            must_equal([call.ok for call in done.calls], [False], "calls")


def tool_errors_have_a_class_of_their_own(executor: Executor) -> None:
    """An error that is no builtin one is told apart from those that are."""
    with opened(executor) as session:
        code = "try:\n    fail('WeatherError')\nexcept ToolError as error:\n    kind = type(error).__name__\nkind"
        done = run(session, code)
        must_equal(json_of(done), "ToolError", "the class")


def await_works_at_the_top_level(executor: Executor) -> None:
    """Async tools are awaited, and awaiting a sync tool's call gives its result."""
    with opened(executor) as session:
        must_equal(
            json_of(run(session, "one = await fetch('a')\n[one, (await echo('b'))['value']]")), ["a", "b"], "results"
        )


def gathered_calls_run_concurrently(executor: Executor) -> None:
    """Two awaited calls are served at the same time."""
    meeting = threading.Barrier(2)

    def serve(request: ToolRequest) -> ToolReply:
        meeting.wait(SECONDS / 3)
        return ToolReply(value=request.args["key"])

    code = "import asyncio\nawait asyncio.gather(fetch('a'), fetch('b'))"
    with opened(executor) as session:
        must_equal(json_of(run(session, code, serve)), ["a", "b"], "results")


def tools_work_from_threads(executor: Executor) -> None:
    """Replies go to the thread that asked."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    got = list(pool.map(lambda n: echo(n)['value'], range(40)))\n"
        "got == list(range(40))"
    )
    with opened(executor) as session:
        must_equal(json_of(run(session, code)), True, "results")


def a_call_that_is_not_awaited_is_an_error(executor: Executor) -> None:
    """The message says to write `await`."""
    with opened(executor) as session:
        error = fail(session, "page = fetch('a')").error
        must(error is not None and "await" in error.message, f"{error!r}")


def tools_are_served_in_the_callers_context(executor: Executor) -> None:
    """Context variables of the thread that calls `execute` are seen by `serve`."""
    seen: list[str] = []

    def serve(request: ToolRequest) -> ToolReply:
        seen.append(_caller.get())
        return ToolReply(value=request.args)

    token = _caller.set("me")
    try:
        with opened(executor) as session:
            run(session, "echo(1)", serve)
    finally:
        _caller.reset(token)
    must_equal(seen, ["me"], "the context variable")


def an_exception_of_serve_ends_the_action(executor: Executor) -> None:
    """It is raised by `execute`, and the action is undone."""

    class StopError(BaseException):
        pass

    def serve(_: ToolRequest) -> NoReturn:
        raise StopError

    with opened(executor) as session:
        run(session, "kept = 1")
        code = "kept = 2\ntry:\n    echo(1)\nexcept BaseException:\n    pass"
        try:
            session.execute(code, seconds=SECONDS, serve=serve)
        except StopError:
            pass
        else:
            raise AssertionError("execute returned")
        must_be_undone(session, "kept", 1)
