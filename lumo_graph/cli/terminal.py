"""The view for a terminal: what is finished scrolls by, what is under way stands in a live line below it."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.box import HORIZONTALS
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from lumo_graph.cli.plain import begins_paragraph
from lumo_graph.cli.transcript import Block, Kind, Transcript
from lumo_graph.events import Event

_THEME = "ansi_dark"  # the terminal's own palette: readable on light and on dark
_REFRESHES = 8


class TerminalView:
    """Prints the run as it goes on, with colour.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._transcript = Transcript()
        self._before: Kind | None = None
        self._live = Live(_UnderWay(self._transcript), console=console, transient=True, refresh_per_second=_REFRESHES)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Print what an event adds."""
        for block in self._transcript.read(event):
            if begins_paragraph(block.kind, self._before):
                self._console.print()
            self._console.print(rendered(block))
            self._before = block.kind

    def say(self, text: str) -> None:
        """Print a line of our own."""
        # Not wrapped: it holds commands to copy.
        self._console.print(Text(text, style="dim"), soft_wrap=True)
        self._before = None


class _UnderWay:
    """The line that is being written, and what the run is doing."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._spinner = Spinner("dots", style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if partial := self._transcript.partial:
            yield Text(partial)
        self._spinner.update(text=Text(self._transcript.doing, style="dim"))
        yield self._spinner


def rendered(block: Block) -> RenderableType:
    """A block as rich prints it. Its text is never read as markup."""
    return _RENDERERS[block.kind](block)


def _thought(block: Block) -> RenderableType:
    return Text(block.text)


def _plan(block: Block) -> RenderableType:
    title = Text("plan", style="bold blue")
    return (
        Panel(Text(block.text), HORIZONTALS, title=title, title_align="left", border_style="blue")
        if block.text
        else title
    )


def _code(block: Block) -> RenderableType:
    code = Syntax(block.text, "python", theme=_THEME, line_numbers=True, word_wrap=True, background_color="default")
    return Panel(code, HORIZONTALS, title=f"code · {block.note}", title_align="left", border_style="dim", padding=0)


def _call(block: Block) -> RenderableType:
    name, opening, rest = block.text.partition("(")
    call = Text.assemble((name, "bold" if opening else "dim"), opening + rest, no_wrap=True, overflow="ellipsis")
    line = Table.grid(padding=(0, 1))
    line.add_row(
        Text("  →", style="cyan" if block.ok else "red"), call, Text(f" {block.note}", style="dim", no_wrap=True)
    )
    return line


def _output(block: Block) -> RenderableType:
    return Text.assemble(("  │ ", "dim"), block.text)


def _observation(block: Block) -> RenderableType:
    return Padding(Text(block.text, style="dim" if block.ok else "red"), (0, 0, 0, 2))


def _debug(block: Block) -> RenderableType:
    title = Text("debug: what the model is told", style="bold yellow")
    return Padding(Group(title, Text(block.text, style="yellow")), (0, 0, 0, 2))


def _step(block: Block) -> RenderableType:
    return Text.assemble(("  ✓ ", "green") if block.ok else ("  ✗ ", "red"), (block.text, "dim"))


def _answer(block: Block) -> RenderableType:
    shown = Syntax(block.text, block.note, theme=_THEME, word_wrap=True) if block.note else Text(block.text)
    return Panel(shown, HORIZONTALS, title="answer", title_align="left", border_style="green")


def _end(block: Block) -> RenderableType:
    return Text.assemble(("✓ ", "bold green") if block.ok else ("✗ ", "bold red"), (block.text, "bold"))


_RENDERERS: Mapping[Kind, Callable[[Block], RenderableType]] = {
    "thought": _thought,
    "plan": _plan,
    "code": _code,
    "call": _call,
    "output": _output,
    "observation": _observation,
    "debug": _debug,
    "step": _step,
    "answer": _answer,
    "end": _end,
}
