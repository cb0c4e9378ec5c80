"""Where `lumo` keeps threads unless told otherwise."""

import os
from pathlib import Path

from lumo_graph.errors import ConfigurationError, LumoGraphError


def default_checkpointer() -> str:
    """The URL of the file in the user's state folder (XDG). The folder is made if it is missing."""
    path = default_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {str(path.parent)!r} for the threads cannot be made ({error.strerror}). "
            "Say where to keep them: --checkpointer sqlite:///runs.db"
        ) from error
    return f"sqlite:///{path}"


def default_file() -> Path:
    """`lumo/runs.db` in `XDG_STATE_HOME`, which is `~/.local/state` unless set."""
    folder = os.environ.get("XDG_STATE_HOME", "")
    return (Path(folder) if Path(folder).is_absolute() else Path.home() / ".local" / "state") / "lumo" / "runs.db"


def is_stored(checkpointer: str, thread_id: str) -> bool:
    """Whether another process can find the thread."""
    from lumo_graph.checkpoints import open_checkpointer  # noqa: PLC0415 - langgraph, for a run that has it already

    if checkpointer.startswith("memory://"):
        return False
    try:
        with open_checkpointer(checkpointer, must_exist=True) as saver:
            return saver is not None and saver.get_tuple({"configurable": {"thread_id": thread_id}}) is not None
    except LumoGraphError:
        return False
