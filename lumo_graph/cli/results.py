"""The results of a batch as a file: what it tells already, and what comes to it."""

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import typer

from lumo_graph.cli.complaints import complain
from lumo_graph.cli.exits import USAGE
from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from lumo_graph.batch import BatchTask


def left_of(tasks: "list[BatchTask]", results: Path | None, batch: str, *, resume: bool) -> "list[BatchTask]":
    """The tasks that the results file does not tell the end of."""
    from lumo_graph.batch.results import unfinished  # noqa: PLC0415 - langgraph

    if results is None or not results.exists() or (not resume and not results.stat().st_size):
        return tasks
    if not resume:
        raise ConfigurationError(
            f"There are results in {str(results)!r} already. Go on with them (--resume), or name another file."
        )
    return unfinished(tasks, batch, _lines(results))


def _lines(results: Path) -> Generator[Mapping[str, Any], None, None]:
    """The lines of a results file; the last one may be half written."""
    for line in results.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            found: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield cast("Mapping[str, Any]", found)


@contextmanager
def written(results: Path | None, *, again: bool) -> Generator[TextIO, None, None]:
    """Where results go for the length of a `with` block.

    Args:
        results: the file; None: stdout.
        again: go on after what is there.
    """
    if results is None:
        yield sys.stdout
        return
    try:
        file = results.open("a", encoding="utf-8")
    except OSError as error:
        complain(f"the results cannot be written to {str(results)!r}: {error}.")
        raise typer.Exit(USAGE) from None
    with file:
        if again and _is_cut(results):
            file.write("\n")
        yield file


def _is_cut(results: Path) -> bool:
    """Whether the last line has no end, because its writer was killed."""
    content = results.read_bytes()
    return bool(content) and not content.endswith(b"\n")
