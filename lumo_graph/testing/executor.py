"""The contract of executors, as checks that their authors can run. Needs no test framework."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from lumo_graph.errors import ExecutorError
from lumo_graph.types import (
    TIERS,
    Execution,
    Executor,
    Limits,
    Parameter,
    Session,
    Stream,
    ToolReply,
    ToolRequest,
    ToolSpec,
)

_SECONDS = 30.0
_SHORT = 0.5
_LIMITS = Limits()
_caller: ContextVar[str] = ContextVar("_caller", default="")

_TOOLS = (
    ToolSpec(
        name="echo",
        doc="Give back what it is given.",
        parameters=(Parameter(name="value"), Parameter(name="times", annotation="int", default="1")),
    ),
    ToolSpec(name="fetch", parameters=(Parameter(name="key", annotation="str"),), is_async=True),
    ToolSpec(name="fail", parameters=(Parameter(name="kind", annotation="str"),)),
)


class BrokenRuleError(AssertionError):
    """An executor breaks a rule of the contract.

    Attributes:
        rule: name of the rule.
    """

    def __init__(self, rule: str, found: str) -> None:
        super().__init__(f"{rule}: {found}")
        self.rule = rule


def check_executor(executor: Executor) -> None:
    """Run an executor through the contract of `Executor` and `Session`.

    Args:
        executor: opens real sessions; about thirty are opened, used for a moment and closed.

    Raises:
        BrokenRuleError: the first rule that it breaks, by name, and what it did instead.
    """
    for rule in RULES:
        try:
            rule(executor)
        except AssertionError as failure:
            raise BrokenRuleError(_name(rule), str(failure)) from failure
        except Exception as failure:
            raise BrokenRuleError(_name(rule), f"raised {failure!r}") from failure


def _name(rule: Callable[[Executor], None]) -> str:
    return rule.__name__.replace("_", " ").strip()


# -- rules ---------------------------------------------------------------------------------------------------------


def the_isolation_report_names_a_tier(executor: Executor) -> None:
    """What contains a session is said, with a tier that exists."""
    with _session(executor) as session:
        _expect(session.isolation.tier in TIERS, f"tier {session.isolation.tier!r}")


def packages_are_importable(executor: Executor) -> None:
    """What the model is told it may import, it may."""
    with _session(executor) as session:
        for name in list(executor.packages)[:3]:
            _run(session, f"import {name}")


def variables_persist_between_actions(executor: Executor) -> None:
    """One namespace for all actions of a session, and a description of what is in it."""
    with _session(executor) as session:
        _run(session, "rows = [1, 2, 3]")
        done = _run(session, "rows.append(4)\nsum(rows)")
        _equal(_json(done), 10, "sum(rows)")
        _expect("rows" in done.variables, f"variables {dict(done.variables)!r} without 'rows'")
        _run(session, "del rows")
        _expect("rows" not in _run(session, "1").variables, "'rows' in variables after `del rows`")


def functions_see_later_globals(executor: Executor) -> None:
    """A function finds names that were defined, or changed, after it."""
    with _session(executor) as session:
        _run(session, "def scaled(x):\n    return x * factor")
        _run(session, "factor = 3")
        _equal(_json(_run(session, "scaled(2)")), 6, "scaled(2)")


def the_module_is_main(executor: Executor) -> None:
    """Code runs as a program does, classes, dataclasses and generators included."""
    code = (
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "    def steps(self):\n"
        "        yield from range(self.x)\n"
        "found = []\n"
        "if __name__ == '__main__':\n"
        "    found = list(Point(3).steps())\n"
        "found"
    )
    with _session(executor) as session:
        _equal(_json(_run(session, code)), [0, 1, 2], "the generator")


def only_a_last_expression_has_a_value(executor: Executor) -> None:
    """As at a prompt: the last expression's value, and none for a statement or for None."""
    with _session(executor) as session:
        _equal(_json(_run(session, "x = 1\nx + 1")), 2, "x + 1")
        _expect(_run(session, "x = 1").value is None, "a statement has a value")
        _expect(_run(session, "None").value is None, "None has a value")
        value = _run(session, "object()").value
        _expect(value is not None and value.json is None and bool(value.preview), f"object() gave {value!r}")


def output_before_an_error_is_kept(executor: Executor) -> None:
    """What was printed stays, and so do the variables made before the error."""
    with _session(executor) as session:
        done = _fail(session, "made = 1\nprint('before')\n1 / 0\nprint('after')")
        _equal(done.stdout, "before\n", "stdout")
        _expect("made" in done.variables, "'made' is lost")
        _expect(not done.rolled_back, "an ordinary error rolled the session back")


def errors_say_what_and_where(executor: Executor) -> None:
    """Class, message, and the line within the action, from 1."""
    with _session(executor) as session:
        error = _fail(session, "total = 1\n\ntotal / 0").error
        _expect(error is not None and error.kind == "ZeroDivisionError", f"{error!r}")
        _expect(error is not None and error.line == 3, f"{error!r}")  # noqa: PLR2004 - the third line of the action
        _expect(error is not None and error.source == "total / 0", f"{error!r}")
        _expect(error is not None and error.values.get("total") == "1", f"{error!r}")
        near = _fail(session, "print(totl)").error
        _expect(near is not None and "total" in near.near, f"no near name in {near!r}")


def code_that_is_no_python_runs_nothing(executor: Executor) -> None:
    """A syntax error is an error of the action, and no line of it was run."""
    with _session(executor) as session:
        done = _fail(session, "started = True\nprint('started')\ndef :")
        _expect(done.error is not None and done.error.kind == "SyntaxError", f"{done.error!r}")
        _equal(done.error and done.error.line, 3, "line")
        _expect("started" not in done.variables and not done.stdout, "the lines before it were run")


def output_is_streamed(executor: Executor) -> None:
    """`write` gets both streams while the action runs."""
    seen: list[tuple[Stream, str]] = []
    with _session(executor) as session:
        session.execute(
            "import sys\nprint('one')\nprint('two', file=sys.stderr)",
            seconds=_SECONDS,
            serve=_serve,
            write=lambda stream, text: seen.append((stream, text)),
        )
    _equal("".join(text for stream, text in seen if stream == "stdout"), "one\n", "stdout")
    _equal("".join(text for stream, text in seen if stream == "stderr"), "two\n", "stderr")


def tools_get_and_give_real_objects(executor: Executor) -> None:
    """Positional arguments bind to names with their types; results are objects, not text of them."""
    data: dict[str, Any] = {"list": [1, 2.5, None, True], "text": "é", "bytes": b"\x00\xff", "nested": {"a": {}}}
    with _session(executor) as session:
        done = _run(session, f"given = echo({data!r}, 2)\n(given['value'] == {data!r}, given['times'])")
        _equal(_json(done), [True, 2], "echo")
        _equal([call.name for call in done.calls], ["echo"], "calls")
        _equal(done.calls[0].args, {"value": data, "times": 2}, "recorded arguments")
        _expect(done.calls[0].ok, "the call is recorded as failed")


def tools_describe_themselves(executor: Executor) -> None:
    """Name, docstring and signature are those of the tool."""
    with _session(executor) as session:
        done = _run(session, "import inspect\n[echo.__name__, echo.__doc__, list(inspect.signature(echo).parameters)]")
        _equal(_json(done), ["echo", "Give back what it is given.", ["value", "times"]], "echo")


def wrong_tool_calls_are_type_errors(executor: Executor) -> None:
    """A call that does not fit the signature, or an argument that is no data, never reaches the host."""
    with _session(executor) as session:
        for code in ("echo()", "echo(1, tims=2)", "echo(object())"):
            done = _fail(session, code)
            _expect(done.error is not None and done.error.kind == "TypeError", f"{code}: {done.error!r}")
            _equal(done.calls, (), f"{code}: calls")


def tool_errors_are_raised_in_the_code(executor: Executor) -> None:
    """As the builtin exception of that name, else as ToolError; code can catch them."""
    code = (
        "caught = []\n"
        "for kind in ('ValueError', 'WeatherError'):\n"
        "    try:\n"
        "        fail(kind)\n"
        "    except (ValueError, ToolError) as error:\n"
        "        caught.append([type(error).__name__, str(error)])\n"
        "caught"
    )
    with _session(executor) as session:
        done = _run(session, code)
        _equal(_json(done), [["ValueError", "no"], ["ToolError", "no"]], "caught")
        _equal([call.ok for call in done.calls], [False, False], "calls")


def await_works_at_the_top_level(executor: Executor) -> None:
    """Async tools are awaited, and awaiting a sync tool's call gives its result."""
    with _session(executor) as session:
        _equal(_json(_run(session, "one = await fetch('a')\n[one, (await echo('b'))['value']]")), ["a", "b"], "results")


def gathered_calls_run_concurrently(executor: Executor) -> None:
    """Two awaited calls are served at the same time."""
    meeting = threading.Barrier(2)

    def serve(request: ToolRequest) -> ToolReply:
        meeting.wait(_SECONDS / 3)
        return ToolReply(value=request.args["key"])

    code = "import asyncio\nawait asyncio.gather(fetch('a'), fetch('b'))"
    with _session(executor) as session:
        _equal(_json(_run(session, code, serve)), ["a", "b"], "results")


def tools_work_from_threads(executor: Executor) -> None:
    """Replies go to the thread that asked."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    got = list(pool.map(lambda n: echo(n)['value'], range(40)))\n"
        "got == list(range(40))"
    )
    with _session(executor) as session:
        _equal(_json(_run(session, code)), True, "results")


def a_call_that_is_not_awaited_is_an_error(executor: Executor) -> None:
    """The message says to write `await`."""
    with _session(executor) as session:
        error = _fail(session, "page = fetch('a')").error
        _expect(error is not None and "await" in error.message, f"{error!r}")


def tools_are_served_in_the_callers_context(executor: Executor) -> None:
    """Context variables of the thread that calls `execute` are seen by `serve`."""
    seen: list[str] = []

    def serve(request: ToolRequest) -> ToolReply:
        seen.append(_caller.get())
        return ToolReply(value=request.args)

    token = _caller.set("me")
    try:
        with _session(executor) as session:
            _run(session, "echo(1)", serve)
    finally:
        _caller.reset(token)
    _equal(seen, ["me"], "the context variable")


def an_exception_of_serve_ends_the_action(executor: Executor) -> None:
    """It is raised by `execute`, and the session is lost."""

    class StopError(BaseException):
        pass

    def serve(_: ToolRequest) -> NoReturn:
        raise StopError

    with _session(executor) as session:
        try:
            session.execute("try:\n    echo(1)\nexcept BaseException:\n    pass", seconds=_SECONDS, serve=serve)
        except StopError:
            pass
        else:
            raise AssertionError("execute returned")
        _is_dead(session)


def final_answer_ends_the_action(executor: Executor) -> None:
    """Code before it counts, code after it does not run, and swallowing it changes nothing."""
    with _session(executor) as session:
        done = _run(session, "x = 1\nfinal_answer({'total': [1, 2]})\nx = 2")
        _equal(done.answer and done.answer.json, {"total": [1, 2]}, "answer")
        _equal(_json(_run(session, "x")), 1, "x")
        done = session.execute(
            "try:\n    final_answer(7)\nexcept BaseException:\n    pass", seconds=_SECONDS, serve=_serve
        )
        _equal(done.answer and done.answer.json, 7, "the swallowed answer")
        _expect(_run(session, "1").answer is None, "the answer of an earlier action came again")


def leaving_does_not_end_the_session(executor: Executor) -> None:
    """`exit()` and `input()` are errors that say what to do."""
    with _session(executor) as session:
        _run(session, "kept = 1")
        for code in ("exit()", "import sys; sys.exit(3)"):
            error = _fail(session, code).error
            _expect(error is not None and error.kind == "SystemExit", f"{code}: {error!r}")
            _expect(error is not None and "final_answer" in error.message, f"{code}: {error!r}")
        _expect("final_answer" in (_fail(session, "input('name?')").error or _NOTHING).message, "input()")
        _equal(_json(_run(session, "kept")), 1, "kept")


def a_time_limit_ends_the_action_and_the_session(executor: Executor) -> None:
    """Output and calls are kept, and the session is closed to further actions."""
    for code in ("while True: pass", "import time\ntime.sleep(60)", _STUBBORN):
        with _session(executor) as session:
            done = session.execute(f"print('before')\necho(1)\n{code}", seconds=_SHORT, serve=_serve)
            _expect(done.error is not None and done.error.kind == "TimeoutError", f"{code!r}: {done.error!r}")
            _expect(done.rolled_back, f"{code!r}: not rolled back")
            _equal(done.stdout, "before\n", f"{code!r}: stdout")
            _equal(len(done.calls), 1, f"{code!r}: calls")
            _is_dead(session)


def a_tool_that_hangs_does_not_stop_the_clock(executor: Executor) -> None:
    """The limit counts while the host serves a call."""
    release = threading.Event()

    def serve(_: ToolRequest) -> ToolReply:
        release.wait(_SECONDS)
        return ToolReply()

    try:
        with _session(executor) as session:
            done = session.execute("echo(1)", seconds=_SHORT, serve=serve)
            _expect(done.error is not None and done.error.kind == "TimeoutError", f"{done.error!r}")
            _expect(not release.is_set(), "execute waited for the tool")
    finally:
        release.set()


def interrupt_ends_a_running_action(executor: Executor) -> None:
    """From another thread; without a running action it does nothing."""
    with _session(executor) as session:
        session.interrupt()
        _run(session, "1")

        def write(_stream: Stream, _text: str) -> None:
            threading.Thread(target=session.interrupt).start()

        done = session.execute("print('go')\nwhile True: pass", seconds=_SECONDS, serve=_serve, write=write)
        _expect(done.error is not None and done.error.kind == "KeyboardInterrupt", f"{done.error!r}")
        _expect(done.rolled_back, "not rolled back")


def a_dying_interpreter_is_an_execution(executor: Executor) -> None:
    """The run goes on: the error says that the session died, and a new one can be opened."""
    with _session(executor) as session:
        done = session.execute("print('before')\nimport os\nos._exit(3)", seconds=_SECONDS, serve=_serve)
        _expect(done.error is not None and done.error.kind == "SessionDied", f"{done.error!r}")
        _expect(done.rolled_back and done.stdout == "before\n", f"{done!r}")
        _is_dead(session)


def a_snapshot_restores_in_another_session(executor: Executor) -> None:
    """Values, aliases, functions and classes; functions see the new session's globals."""
    store: dict[str, bytes] = {}
    with _session(executor) as session:
        _run(session, "data = {'rows': [1]}\nalias = data['rows']\nfactor = 2\ndef scaled(x):\n    return x * factor")
        _run(session, "class Box:\n    size = 4\nbox = Box()\nsearch = echo")
        _merge(store, session.snapshot().changed)
        _equal(dict(session.snapshot().changed), {}, "a snapshot without changes")
        _run(session, "gone = 1")
        _merge(store, session.snapshot().changed)
        _run(session, "del gone\nlate = 5")
        _merge(store, session.snapshot().changed)
    with _session(executor, store) as session:
        code = "alias.append(2)\nfactor = 10\n[data['rows'], scaled(3), box.size, isinstance(box, Box), late]"
        done = _run(session, code)
        _equal(_json(done), [[1, 2], 30, 4, True, 5], "the restored namespace")
        _expect("gone" not in done.variables, "a deleted variable came back")


def what_cannot_be_saved_is_listed(executor: Executor) -> None:
    """By its path, with the reason; the rest is saved."""
    store: dict[str, bytes] = {}
    with _session(executor) as session:
        _run(session, "numbers = (n for n in range(3))\nkept = 1")
        snapshot = session.snapshot()
        _expect(any(path.startswith("numbers") for path in snapshot.unsaved), f"unsaved {dict(snapshot.unsaved)!r}")
        _merge(store, snapshot.changed)
    with _session(executor, store) as session:
        _equal(_json(_run(session, "kept")), 1, "kept")


def closing_twice_is_closing_once(executor: Executor) -> None:
    """And a closed session refuses work."""
    session = executor.open(tools=_TOOLS, limits=_LIMITS)
    session.close()
    session.close()
    session.interrupt()
    _is_dead(session)


def sessions_do_not_share_anything(executor: Executor) -> None:
    """Two sessions at the same time have namespaces of their own."""
    with _session(executor) as first, _session(executor) as second:
        _run(first, "mine = 1")
        _expect("mine" not in _run(second, "1").variables, "a variable of the one is in the other")
        _equal(_json(_run(second, "'mine' in globals()")), False, "mine in globals()")


RULES: tuple[Callable[[Executor], None], ...] = (
    the_isolation_report_names_a_tier,
    packages_are_importable,
    variables_persist_between_actions,
    functions_see_later_globals,
    the_module_is_main,
    only_a_last_expression_has_a_value,
    output_before_an_error_is_kept,
    errors_say_what_and_where,
    code_that_is_no_python_runs_nothing,
    output_is_streamed,
    tools_get_and_give_real_objects,
    tools_describe_themselves,
    wrong_tool_calls_are_type_errors,
    tool_errors_are_raised_in_the_code,
    await_works_at_the_top_level,
    gathered_calls_run_concurrently,
    tools_work_from_threads,
    a_call_that_is_not_awaited_is_an_error,
    tools_are_served_in_the_callers_context,
    an_exception_of_serve_ends_the_action,
    final_answer_ends_the_action,
    leaving_does_not_end_the_session,
    a_time_limit_ends_the_action_and_the_session,
    a_tool_that_hangs_does_not_stop_the_clock,
    interrupt_ends_a_running_action,
    a_dying_interpreter_is_an_execution,
    a_snapshot_restores_in_another_session,
    what_cannot_be_saved_is_listed,
    closing_twice_is_closing_once,
    sessions_do_not_share_anything,
)
"""The rules, each a function that takes an executor and raises if it breaks the rule."""

# -- helpers -------------------------------------------------------------------------------------------------------

_STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"


class _NOTHING:
    message = ""


def _serve(request: ToolRequest) -> ToolReply:
    if request.name == "fail":
        return ToolReply(error="no", error_type=request.args["kind"])
    if request.name == "fetch":
        return ToolReply(value=request.args["key"])
    return ToolReply(value=dict(request.args))


@contextmanager
def _session(executor: Executor, namespace: Mapping[str, bytes] | None = None) -> Generator[Session]:
    session = executor.open(namespace, tools=_TOOLS, limits=_LIMITS)
    try:
        yield session
    finally:
        session.close()


def _run(session: Session, code: str, serve: Callable[[ToolRequest], ToolReply] = _serve) -> Execution:
    done = session.execute(code, seconds=_SECONDS, serve=serve)
    _expect(done.error is None, f"{code!r} failed: {done.error!r}")
    return done


def _fail(session: Session, code: str) -> Execution:
    done = session.execute(code, seconds=_SECONDS, serve=_serve)
    _expect(done.error is not None, f"{code!r} did not fail")
    return done


def _json(done: Execution) -> Any:
    _expect(done.value is not None, "no value")
    return done.value.json if done.value is not None else None


def _merge(store: dict[str, bytes], changed: Mapping[str, bytes | None]) -> None:
    for name, blob in changed.items():
        if blob is None:
            store.pop(name, None)
        else:
            store[name] = blob


def _is_dead(session: Session) -> None:
    try:
        session.execute("1", seconds=_SECONDS, serve=_serve)
    except ExecutorError:
        return
    raise AssertionError("a session that has ended ran an action")


def _equal(found: object, wanted: object, what: str) -> None:
    _expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def _expect(true: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion that survives `python -O`
    if not true:
        raise AssertionError(otherwise)
