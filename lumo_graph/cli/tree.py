"""The trace of a run as a tree in the terminal: what happened, below what, and where the time went."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from lumo_graph.cli.printable import one_line
from lumo_graph.tracing import names

_NAME = 80
_NANO = 1_000_000_000
_BAR = 10
_WIDTH = 200
"""Where there is no terminal that has one."""


def print_tree(spans: Sequence[ReadableSpan]) -> None:
    """Print the trees of these spans to stderr."""
    width = None if sys.stderr.isatty() else _WIDTH
    console = Console(stderr=True, width=width, markup=False, emoji=False, highlight=False)
    for tree in trees_of(spans):
        console.print(tree, soft_wrap=True)


def trees_of(spans: Sequence[ReadableSpan]) -> Iterator[Tree]:
    """One tree for each span whose parent is not among the spans."""
    known = {span.context.span_id for span in spans if span.context}
    below: dict[int | None, list[ReadableSpan]] = {}
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        parent = span.parent.span_id if span.parent and span.parent.span_id in known else None
        below.setdefault(parent, []).append(span)
    for root in below.get(None, []):
        yield _with_branches(Tree(_line(root, _seconds(root)), guide_style="dim"), root, below, _seconds(root))


def _with_branches(
    tree: Tree, span: ReadableSpan, below: Mapping[int | None, Sequence[ReadableSpan]], whole: float
) -> Tree:
    for child in below.get(span.context.span_id if span.context else 0, []):
        _with_branches(tree.add(_line(child, whole)), child, below, whole)
    return tree


def _line(span: ReadableSpan, whole: float) -> Text:
    seconds = _seconds(span)
    share = round(_BAR * seconds / whole) if whole else 0
    failed = span.status.status_code is StatusCode.ERROR
    line = Text(one_line(_name(span), _NAME), style="red" if failed else "bold" if span.parent is None else "")
    line.append(f"  {_duration(seconds)}", style="cyan")
    if share:
        line.append(f" {'▇' * share}", style="dim cyan")
    if notes := ", ".join(_notes(span)):
        line.append(f"  {one_line(notes, 2 * _NAME)}", style="red" if failed else "dim")
    return line


def _name(span: ReadableSpan) -> str:
    number = (span.attributes or {}).get(names.STEP_NUMBER)
    return span.name if number is None else f"step {number}"


def _notes(span: ReadableSpan) -> Iterator[str]:
    about: Mapping[str, Any] = span.attributes or {}
    if (error := about.get(names.ERROR_TYPE)) is not None:
        yield str(error)
    for attribute, words in (
        (names.OUTCOME, "{}"),
        (names.STEPS, "{} steps"),
        (names.INPUT_TOKENS, "{:,} tokens in"),
        (names.OUTPUT_TOKENS, "{:,} out"),
        (names.RESTORE, "variables: {}"),
    ):
        if (value := about.get(attribute)) is not None:
            yield words.format(value)
    if size := about.get(names.SNAPSHOT_BYTES):
        yield f"{size:,} bytes stored"
    if about.get(names.RETRY_ATTEMPT, 1) > 1:
        yield f"attempt {about[names.RETRY_ATTEMPT]}"
    for attribute, word in (
        (names.SELF_DEBUG, "self-debug"),
        (names.RUN_RESUMED, "resumed"),
        (names.REPLAYED, "replayed"),
        (names.EDITED, "edited"),
        (names.ROLLED_BACK, "undone"),
    ):
        if about.get(attribute):
            yield word


def _seconds(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / _NANO


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
