"""Follow a run to its end on the screen, and say with an exit code how it went."""

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, TextIO, TypeAlias

from lumo_graph.artifacts import Artifact
from lumo_graph.cli.complaints import complain
from lumo_graph.cli.deciding import suggested_options
from lumo_graph.cli.exits import DRAINED, INTERRUPTED, READER_GONE, code_of_error, code_of_outcome
from lumo_graph.cli.interruption import Interruption
from lumo_graph.cli.printable import printable
from lumo_graph.cli.storage import is_stored
from lumo_graph.errors import ConfigurationError, LumoGraphError, ThreadBusyError
from lumo_graph.events import Answered, Event, RunResult

Start: TypeAlias = Callable[[], AsyncGenerator[Event, None]]
GoOn: TypeAlias = Callable[[Mapping[str, Any], str], AsyncGenerator[Event, None]]


class View(Protocol):
    """Shows a run. Open within a `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def show(self, event: Event) -> None:
        """Show what an event adds."""
        ...

    def say(self, text: str) -> None:
        """Show a line of our own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The thread of a run, and the options that a command needs to find it again."""

    thread_id: str
    checkpointer: str
    options: Mapping[str, str | Sequence[str] | None]
    """Option to its value or values; None is left out."""
    run_options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Options that only `run` has and that the next task on this thread needs again."""

    @property
    def resume_command(self) -> str:
        """The command that goes on with the run."""
        return shlex.join(["lumo", "resume", self.thread_id, *_words(self.options)])

    @property
    def run_command(self) -> str:
        """The command that gives the thread its next task."""
        options = {"--thread": self.thread_id, **self.run_options, **self.options}
        return shlex.join(["lumo", "run", "TASK", *_words(options)])


def _words(options: Mapping[str, str | Sequence[str] | None]) -> Iterator[str]:
    for option, value in options.items():
        for one in [value] if isinstance(value, str) else value or ():
            yield from (option, one)


@contextmanager
def chosen_view(*, json_lines: bool) -> Generator[View, None, None]:
    """The view that suits the output: JSON on demand, live on a terminal, plain text elsewhere."""
    if json_lines:
        from lumo_graph.cli.lines import LinesView  # noqa: PLC0415 - only one of the three is needed

        with _reserved_stdout() as out, LinesView(out) as view:
            yield view
    elif is_terminal():
        from rich.console import Console  # noqa: PLC0415 - same

        from lumo_graph.cli.terminal import TerminalView  # noqa: PLC0415 - same

        with TerminalView(Console(markup=False, emoji=False, highlight=False)) as view:
            yield view
    else:
        from lumo_graph.cli.plain import PlainView  # noqa: PLC0415 - same

        with PlainView(sys.stdout) as view:
            yield view


def is_terminal() -> bool:
    """Whether a person watches, on a terminal that can do more than print lines."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def follow(start: Start, go_on: GoOn, place: Place, *, json_lines: bool, artifacts: str | None = None) -> int:
    """Run an agent on the screen, and ask the person there about calls that wait.

    The run has an event loop because only there it can be interrupted at once, whatever it is doing.

    Args:
        start: begins the run; what it imports or loads may fail like the run itself.
        go_on: goes on with it after a decision about the question of an id.
        place: where the run is stored.
        json_lines: print events for a program instead of a person.
        artifacts: folder to save the run's artifacts in.

    Returns:
        The exit code.
    """
    interruption = Interruption(partial(_resumption, place))
    try:
        asks = not json_lines and sys.stdin.isatty() and sys.stdout.isatty()
        while True:
            screen = _Screen(place=place, json_lines=json_lines, artifacts=artifacts, asks=asks)
            with interruption.watching():
                shown = asyncio.run(screen.show(start(), interruption))
            if shown.question is None:
                return shown.code
            from lumo_graph.cli.asking import ask  # noqa: PLC0415 - rich

            decision = ask(shown.question)
            if decision is None:
                print(printable(_way_on(place, [shown.question])))  # noqa: T201 - that is what a command does
                return shown.code
            start = partial(go_on, decision, shown.question["id"])
    except KeyboardInterrupt:
        interruption.tell()
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it ends
        return READER_GONE
    except LumoGraphError as error:
        complain(str(error), "" if isinstance(error, (ConfigurationError, ThreadBusyError)) else _resumption(place))
        return code_of_error(error)
    finally:
        interruption.settle()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A run that was shown to its end, or to a question."""

    code: int
    question: Mapping[str, Any] | None
    """What to ask the person at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screen:
    """How a run is shown, and what is said and done at its end."""

    place: Place
    json_lines: bool
    artifacts: str | None
    asks: bool
    """A person can be asked, here and now."""

    async def show(self, events: AsyncGenerator[Event, None], interruption: Interruption) -> _Shown:
        """Show the run. Interrupted, it says how to go on."""
        code, question, drained = INTERRUPTED, None, False
        try:
            with chosen_view(json_lines=self.json_lines) as view:
                async with aclosing(events):
                    async for event in events:
                        if isinstance(event, Answered):
                            code = code_of_outcome(event.result.outcome)
                            question = self._question(event)
                            drained = interruption.has_drained(event.result)
                        if question is None:
                            view.show(event)
                        if question is None and isinstance(event, Answered) and not drained:
                            self._end(event.result, view)
        except asyncio.CancelledError:
            interruption.tell()
            raise
        if drained:
            code = DRAINED if is_stored(self.place.checkpointer, self.place.thread_id) else INTERRUPTED
            interruption.tell("stopped.", code)
        return _Shown(code=code, question=question)

    def _question(self, end: Answered) -> Mapping[str, Any] | None:
        pending = end.result.pending
        return pending[0] if self.asks and len(pending) == 1 and pending[0].get("action_requests") else None

    def _end(self, result: RunResult, view: View) -> None:
        for line in _saved(result.artifacts, self.artifacts):
            view.say(line)
        if is_stored(self.place.checkpointer, self.place.thread_id):
            view.say(printable(_way_on(self.place, result.pending)))


def _way_on(place: Place, pending: Sequence[Mapping[str, Any]]) -> str:
    command = f"{place.resume_command} {suggested_options(pending)}".rstrip() if pending else place.run_command
    return f"thread {place.thread_id} · go on: {command}"


def _saved(artifacts: Sequence[Artifact], folder: str | None) -> Iterator[str]:
    """Save artifacts; a line about each."""
    for artifact in artifacts if folder is not None else ():
        try:
            saved = artifact.save(folder or "")
            yield printable(f"saved {saved} ({artifact.size:,} bytes)").replace("\n", "\\n")  # the code named it
        except (OSError, ConfigurationError) as failure:
            complain(f"{artifact.name!r} was not saved: {failure}")


def _resumption(place: Place) -> str:
    if not is_stored(place.checkpointer, place.thread_id):
        return ""
    return f"The run is kept. Resume it: {place.resume_command}"


@contextmanager
def _reserved_stdout() -> Generator[TextIO, None, None]:
    """The real stdout for us alone: what tools and the programs they start print goes to stderr."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    out = os.fdopen(os.dup(ours), "w", encoding="utf-8")
    try:
        yield out
    finally:
        sys.stdout.flush()
        os.dup2(ours, 1)
        os.close(ours)
        out.close()
