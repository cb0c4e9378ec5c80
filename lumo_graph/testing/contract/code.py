"""Rules of the contract about code: the namespace, values, output and errors."""

from lumo_graph.testing.contract.driving import (
    SECONDS,
    fail,
    json_of,
    merge,
    must,
    must_equal,
    opened,
    run,
    serve_request,
)
from lumo_graph.types import TIERS, Executor, Stream


def the_isolation_report_names_a_tier(executor: Executor) -> None:
    """What contains a session is said, with a tier that exists."""
    with opened(executor) as session:
        must(session.isolation.tier in TIERS, f"tier {session.isolation.tier!r}")


def packages_are_importable(executor: Executor) -> None:
    """What the model is told it may import, it may."""
    with opened(executor) as session:
        for name in list(executor.packages)[:3]:
            run(session, f"import {name}")


def variables_persist_between_actions(executor: Executor) -> None:
    """One namespace for all actions of a session, and a description of what is in it."""
    with opened(executor) as session:
        run(session, "rows = [1, 2, 3]")
        done = run(session, "rows.append(4)\nsum(rows)")
        must_equal(json_of(done), 10, "sum(rows)")
        must("rows" in done.variables, f"variables {dict(done.variables)!r} without 'rows'")


def variables_can_be_deleted(executor: Executor) -> None:
    """What is deleted is gone, from snapshots too."""
    store: dict[str, bytes] = {}
    with opened(executor) as session:
        run(session, "rows, kept = [1], 2")
        merge(store, session.snapshot().changed)
        must("rows" not in run(session, "del rows").variables, "'rows' in variables after `del rows`")
        merge(store, session.snapshot().changed)
    with opened(executor, store) as session:
        variables = run(session, "kept").variables
        must("rows" not in variables, "a deleted variable came back")


def functions_see_later_globals(executor: Executor) -> None:
    """A function finds names that were defined, or changed, after it."""
    with opened(executor) as session:
        run(session, "def scaled(x):\n    return x * factor")
        run(session, "factor = 3")
        must_equal(json_of(run(session, "scaled(2)")), 6, "scaled(2)")


def code_runs_as_a_program(executor: Executor) -> None:
    """The module is `__main__`; derived classes, dataclasses and generators work."""
    code = (
        "from dataclasses import dataclass\n"
        "class Shape:\n"
        "    pass\n"
        "@dataclass\n"
        "class Point(Shape):\n"
        "    x: int\n"
        "    def steps(self):\n"
        "        yield from range(self.x)\n"
        "found = []\n"
        "if __name__ == '__main__':\n"
        "    found = list(Point(3).steps())\n"
        "found"
    )
    with opened(executor) as session:
        must_equal(json_of(run(session, code)), [0, 1, 2], "the generator")


def only_a_last_expression_has_a_value(executor: Executor) -> None:
    """As at a prompt: the last expression's value, and none for a statement or for None."""
    with opened(executor) as session:
        must_equal(json_of(run(session, "x = 1\nx + 1")), 2, "x + 1")
        must(run(session, "x = 1").value is None, "a statement has a value")
        must(run(session, "None").value is None, "None has a value")
        value = run(session, "lambda: 1").value
        must(value is not None and value.json is None and bool(value.preview), f"a function gave {value!r}")


def output_before_an_error_is_kept(executor: Executor) -> None:
    """What was printed stays, and so do the variables made before the error."""
    with opened(executor) as session:
        done = fail(session, "made = 1\nprint('before')\n1 / 0\nprint('after')")
        must_equal(done.stdout, "before\n", "stdout")
        must("made" in done.variables, "'made' is lost")
        must(not done.rolled_back, "an ordinary error rolled the session back")


def errors_say_what_and_where(executor: Executor) -> None:
    """Class, message, and the line within the action, from 1."""
    with opened(executor) as session:
        error = fail(session, "total = 1\n\ntotal / 0").error
        must(error is not None and error.kind == "ZeroDivisionError", f"{error!r}")
        must(error is not None and error.line == 3, f"{error!r}")  # noqa: PLR2004 - the third line of the action
        must(error is not None and error.source == "total / 0", f"{error!r}")
        must(error is not None and error.values.get("total") == "1", f"{error!r}")
        near = fail(session, "print(totl)").error
        must(near is not None and "total" in near.near, f"no near name in {near!r}")


def code_that_is_no_python_runs_nothing(executor: Executor) -> None:
    """A syntax error is an error of the action, and no line of it was run."""
    with opened(executor) as session:
        done = fail(session, "started = True\nprint('started')\ndef :")
        must(done.error is not None and done.error.kind == "SyntaxError", f"{done.error!r}")
        must_equal(done.error and done.error.line, 3, "line")
        must("started" not in done.variables and not done.stdout, "the lines before it were run")


def output_is_streamed(executor: Executor) -> None:
    """`write` gets both streams while the action runs."""
    seen: list[tuple[Stream, str]] = []
    with opened(executor) as session:
        session.execute(
            "import sys\nprint('one')\nprint('two', file=sys.stderr)",
            seconds=SECONDS,
            serve=serve_request,
            write=lambda stream, text: seen.append((stream, text)),
        )
    must_equal("".join(text for stream, text in seen if stream == "stdout"), "one\n", "stdout")
    must_equal("".join(text for stream, text in seen if stream == "stderr"), "two\n", "stderr")
