"""What a command says on stderr, and how it ends then."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import typer

from lumo_graph.cli.exits import code_of_error
from lumo_graph.cli.printable import printable
from lumo_graph.cli.storage import default_file
from lumo_graph.errors import LumoGraphError


def complain(problem: str, *advice: str) -> None:
    """Say on stderr what is wrong, and what to do next."""
    for line in (f"lumo: {problem}", *advice):
        if line:
            sys.stderr.write(f"{printable(line)}\n")


@contextmanager
def complaining() -> Generator[None, None, None]:
    """End the command with what an error says, and with its exit code."""
    try:
        yield
    except LumoGraphError as error:
        complain(str(error))
        raise typer.Exit(code_of_error(error)) from None


def is_nothing(checkpointer: str | None) -> bool:
    """Whether there is no store yet, and that was said."""
    if checkpointer is not None or default_file().is_file():
        return False
    complain(f"there are no threads yet in {str(default_file())!r}.")
    return True
