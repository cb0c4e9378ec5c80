"""The `lumo` command. Importing this package needs neither typer nor rich; running the command does."""

import sys
from collections.abc import Sequence
from typing import Any

from lumo_graph.cli.exits import INTERRUPTED, USAGE

_EXTRA = ("click", "rich", "shellingham", "typer")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        args: its arguments; those of the process unless given.

    Returns:
        The exit code.
    """
    try:
        from lumo_graph.cli.commands import app  # noqa: PLC0415 - needs the extra

        app(args=args, prog_name="lumo")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        sys.stderr.write(f"lumo needs {missing!r}: pip install 'lumo-graph[cli]'\n")
        return USAGE
    except SystemExit as end:
        return _code(end.code)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _code(code: Any) -> int:
    return code if isinstance(code, int) else int(code is not None)
