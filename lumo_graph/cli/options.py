"""Options that several commands have."""

from typing import Annotated

import typer

CheckpointerOption = Annotated[
    str | None,
    typer.Option(
        envvar="LUMO_CHECKPOINTER", metavar="URL",
        help="Where threads are stored: sqlite:///FILE, postgresql://USER@HOST/DATABASE, or memory:// for nowhere. "
        "Default: lumo/runs.db in XDG_STATE_HOME (~/.local/state).",
    ),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, and nothing else.")]
