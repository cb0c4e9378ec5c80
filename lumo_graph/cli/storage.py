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
    url = _whole(url) if url else f"sqlite:///{default_file()}"
    if url.startswith("memory://"):
        return Storage(url=url, writable=True, reason="gone with the process")
    if url.startswith(("postgresql://", "postgres://")):
        return Storage(url=shown(url), writable=not (reason := _why_not_reachable(url)), reason=reason)
    if not url.startswith("sqlite:///"):
        reason = "it is of no known form: use sqlite:///FILE, postgresql://user:password@host/database or memory://"
        return Storage(url=shown(url), writable=False, reason=reason)
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


def _why_not_reachable(url: str) -> str:
    from lumo_graph.checkpoints import postgres  # noqa: PLC0415 - langgraph, where such a store is asked for

    try:
        postgres.check(url)
    except LumoGraphError as error:
        return str(error)
    return ""


def chosen_checkpointer(given: str | None) -> str:
    """The URL of the store that a command uses.

    Args:
        given: with the command or in LUMO_CHECKPOINTER. If its password is hidden, as in a command that we have shown,
            it is the one in LUMO_CHECKPOINTER, where that is the same but for the password. None: the file of the user.
    """
    return _whole(given) if given else default_checkpointer()


def shown(url: str) -> str:
    """The URL of a store as it may be shown: without its password."""
    if url.startswith(("sqlite:", "memory:")):
        return url
    from lumo_graph.checkpoints import shown_url  # noqa: PLC0415 - langgraph, where such a store is asked for

    return shown_url(url)


def _whole(url: str) -> str:
    known = os.environ.get("LUMO_CHECKPOINTER")
    return known if known and url == shown(known) else url


def snapshot_key() -> bytes | None:
    """The key in LUMO_SNAPSHOT_KEY that signs stored variables; None without one.

    Raises:
        ConfigurationError: it is no key.
    """
    given = os.environ.get("LUMO_SNAPSHOT_KEY", "").strip()
    try:
        return bytes.fromhex(given) if given else None
    except ValueError:
        raise ConfigurationError(
            "LUMO_SNAPSHOT_KEY must be hexadecimal digits. Make one: python -c 'import secrets; "
            "print(secrets.token_hex(32))'"
        ) from None


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
