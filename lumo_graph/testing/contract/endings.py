"""Rules of the contract about ends: answers, limits, deaths, snapshots and closing."""

import threading

from lumo_graph.testing.contract.driving import (
    LIMITS,
    SECONDS,
    SHORT,
    TOOLS,
    fail,
    json_of,
    merge,
    must,
    must_be_dead,
    must_be_undone,
    must_equal,
    opened,
    run,
    serve_request,
)
from lumo_graph.types import Executor, Stream, ToolReply, ToolRequest

_STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"


def final_answer_ends_the_action(executor: Executor) -> None:
    """Code before it counts, code after it does not run, and swallowing it changes nothing."""
    with opened(executor) as session:
        done = run(session, "x = 1\nfinal_answer({'total': [1, 2]})\nx = 2")
        must_equal(done.answer and done.answer.json, {"total": [1, 2]}, "answer")
        must_equal(json_of(run(session, "x")), 1, "x")
        done = session.execute(
            "try:\n    final_answer(7)\nexcept BaseException:\n    pass", seconds=SECONDS, serve=serve_request
        )
        must_equal(done.answer and done.answer.json, 7, "the swallowed answer")
        must(run(session, "1").answer is None, "the answer of an earlier action came again")


def leaving_does_not_end_the_session(executor: Executor) -> None:
    """`exit()` and `input()` are errors that say what to do."""
    with opened(executor) as session:
        run(session, "kept = 1")
        for code in ("exit()", "import sys; sys.exit(3)"):
            error = fail(session, code).error
            must(error is not None and error.kind == "SystemExit", f"{code}: {error!r}")
            must(error is not None and "final_answer" in error.message, f"{code}: {error!r}")
        error = fail(session, "input('name?')").error
        must(error is not None and "final_answer" in error.message, f"input(): {error!r}")
        must_equal(json_of(run(session, "kept")), 1, "kept")


def a_time_limit_ends_and_undoes_the_action(executor: Executor) -> None:
    """Output and calls are kept; the session goes on with the variables from before, or takes no further actions."""
    for code in ("while True: pass", "import time\ntime.sleep(60)", _STUBBORN):
        with opened(executor) as session:
            run(session, "kept = 1")
            done = session.execute(f"kept = 2\nprint('before')\necho(1)\n{code}", seconds=SHORT, serve=serve_request)
            must(done.error is not None and done.error.kind == "TimeoutError", f"{code!r}: {done.error!r}")
            must(done.rolled_back, f"{code!r}: not rolled back")
            must_equal(done.stdout, "before\n", f"{code!r}: stdout")
            must_equal(len(done.calls), 1, f"{code!r}: calls")
            must_be_undone(session, "kept", 1)


def a_tool_that_hangs_does_not_stop_the_clock(executor: Executor) -> None:
    """The limit counts while the host serves a call."""
    release = threading.Event()

    def serve(_: ToolRequest) -> ToolReply:
        release.wait(SECONDS)
        return ToolReply()

    try:
        with opened(executor) as session:
            done = session.execute("echo(1)", seconds=SHORT, serve=serve)
            must(done.error is not None and done.error.kind == "TimeoutError", f"{done.error!r}")
            must(not release.is_set(), "execute waited for the tool")
    finally:
        release.set()


def interrupt_ends_a_running_action(executor: Executor) -> None:
    """From another thread; without a running action it does nothing."""
    with opened(executor) as session:
        session.interrupt()
        run(session, "1")

        def write(_stream: Stream, _text: str) -> None:
            threading.Thread(target=session.interrupt).start()

        done = session.execute("print('go')\nwhile True: pass", seconds=SECONDS, serve=serve_request, write=write)
        must(done.error is not None and done.error.kind == "KeyboardInterrupt", f"{done.error!r}")
        must(done.rolled_back, "not rolled back")


def a_dying_interpreter_is_an_execution(executor: Executor) -> None:
    """The run goes on: the error says that the session died, and a new one can be opened."""
    with opened(executor) as session:
        run(session, "kept = 1")
        code = "kept = 2\nprint('before')\nimport os\nos._exit(3)"
        done = session.execute(code, seconds=SECONDS, serve=serve_request)
        must(done.error is not None and done.error.kind == "SessionDied", f"{done.error!r}")
        must(done.rolled_back and done.stdout == "before\n", f"{done!r}")
        must_be_undone(session, "kept", 1)


def a_snapshot_restores_in_another_session(executor: Executor) -> None:
    """Values, aliases, functions and tools under other names; functions see the new session's globals."""
    store: dict[str, bytes] = {}
    with opened(executor) as session:
        run(session, "data = {'rows': [1]}\nalias = data['rows']\nfactor = 2\ndef scaled(x):\n    return x * factor")
        run(session, "search = echo")
        merge(store, session.snapshot().changed)
        must_equal(dict(session.snapshot().changed), {}, "a snapshot without changes")
        run(session, "late = 5")
        merge(store, session.snapshot().changed)
    with opened(executor, store) as session:
        code = "alias.append(2)\nfactor = 10\n[data['rows'], scaled(3), late, search(6)['value']]"
        done = run(session, code)
        must_equal(json_of(done), [[1, 2], 30, 5, 6], "the restored namespace")
        must("late" in done.variables, f"variables {dict(done.variables)!r} without 'late'")


def classes_survive_a_restore(executor: Executor) -> None:
    """Instances are instances of the restored class."""
    store: dict[str, bytes] = {}
    with opened(executor) as session:
        run(session, "class Box:\n    size = 4\nbox = Box()")
        merge(store, session.snapshot().changed)
    with opened(executor, store) as session:
        done = run(session, "[box.size, isinstance(box, Box), type(box) is Box]")
        must_equal(json_of(done), [4, True, True], "the restored instance")


def what_cannot_be_saved_is_listed(executor: Executor) -> None:
    """By its path, with the reason; the rest is saved."""
    store: dict[str, bytes] = {}
    with opened(executor) as session:
        run(session, "numbers = (n for n in range(3))\nkept = 1")
        snapshot = session.snapshot()
        must(any(path.startswith("numbers") for path in snapshot.unsaved), f"unsaved {dict(snapshot.unsaved)!r}")
        merge(store, snapshot.changed)
    with opened(executor, store) as session:
        must_equal(json_of(run(session, "kept")), 1, "kept")


def closing_twice_is_closing_once(executor: Executor) -> None:
    """And a closed session refuses work."""
    session = executor.open(tools=TOOLS, limits=LIMITS)
    session.close()
    session.close()
    session.interrupt()
    must_be_dead(session)


def sessions_do_not_share_anything(executor: Executor) -> None:
    """Two sessions at the same time have namespaces of their own."""
    with opened(executor) as first, opened(executor) as second:
        run(first, "mine = 1")
        must("mine" not in run(second, "1").variables, "a variable of the one is in the other")
        error = fail(second, "mine").error
        must(error is not None and error.kind == "NameError", f"mine: {error!r}")
