"""Where `lumo` keeps threads unless told otherwise."""

import os
from pathlib import Path
from typing import TypedDict

from lumo_graph.errors import ConfigurationError, LumoGraphError


class Storage(TypedDict):
    """Where threads are stored."""

    url: str
    writable: bool
    reason: str
    """Why not, or what is to be known of it; empty if there is nothing."""


def describe_storage(url: str | None) -> Storage:
    """What can be said of a store without making it.

    Args:
        url: of the store; None: the file that `lumo` uses unless told otherwise.
    """
    url = url or f"sqlite:///{default_file()}"
    if url.startswith("memory://"):
        return Storage(url=url, writable=True, reason="gone with the process")
    if not url.startswith("sqlite:///"):
        return Storage(url=url, writable=False, reason="it is of no known form: use sqlite:///FILE or memory://")
    reason = _why_not_writable(Path(url.removeprefix("sqlite:///")).absolute())
    return Storage(url=url, writable=not reason, reason=reason)


def _why_not_writable(file: Path) -> str:
    # SQLite writes beside the file too. A folder that is missing is made, below the first one that exists.
    folder = next(parent for parent in file.parents if parent.exists())
    if not folder.is_dir():
        return f"{str(folder)!r} is not a folder"
    for path in [folder, *([file] if file.exists() else [])]:
        if not os.access(path, os.W_OK):
            return f"{str(path)!r} may not be written to"
    return ""


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
