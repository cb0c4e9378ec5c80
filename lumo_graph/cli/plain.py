"""The view for files, pipes and logs: lines of plain text, no control characters."""

from types import TracebackType
from typing import Self, TextIO

from lumo_graph.cli.transcript import Block, Kind, Transcript
from lumo_graph.events import Event

_INDENTED: dict[Kind, str] = {"code": "    ", "output": "  | ", "observation": "  ", "debug": "  "}
_LABELS: dict[Kind, str] = {"debug": "debug: what the model is told", "plan": "plan", "answer": "answer"}


class PlainView:
    """Prints the run as it goes on, line by line.

    Args:
        out: where to print.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._transcript = Transcript()
        self._before: Kind | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.flush()

    def show(self, event: Event) -> None:
        """Print what an event adds."""
        for block in self._transcript.read(event):
            if begins_paragraph(block.kind, self._before):
                print(file=self._out)
            print(lines_of(block), file=self._out)
            self._before = block.kind
        self._out.flush()

    def say(self, text: str) -> None:
        """Print a line of our own."""
        print(text, file=self._out, flush=True)
        self._before = None


def begins_paragraph(kind: Kind, before: Kind | None) -> bool:
    """Whether a block stands apart from the one before it."""
    if before is None or kind == before:
        return False
    return kind in {"thought", "code", "plan", "answer", "end"} or before in {"step", "plan"}


def lines_of(block: Block) -> str:
    """A block as lines of text."""
    indent = _INDENTED.get(block.kind, "")
    text = "\n".join(f"{indent}{line}".rstrip() for line in block.text.split("\n")) if block.text else ""
    match block.kind:
        case "code":
            return f"[{block.note}]\n{text}"
        case "call":
            return f"  > {text}" + (f" ({block.note})" if block.note else "")
        case "step":
            return f"[{text}]"
        case "debug" | "plan" | "answer":
            return f"[{_LABELS[block.kind]}]" + (f"\n{text}" if text else "")
        case _:
            return text
