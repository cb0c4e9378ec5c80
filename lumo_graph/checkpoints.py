"""Where threads are stored: a checkpointer as an object, or as a URL that is opened for one call."""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph.errors import ConfigurationError

Checkpointer: TypeAlias = BaseCheckpointSaver[Any]

_FORMS = "memory:// or sqlite:///runs.db (sqlite:////var/lib/runs.db for an absolute path)"
_memory: dict[str, InMemorySaver] = {}


@contextmanager
def open_checkpointer(
    where: str | Checkpointer | None, *, must_exist: bool = False
) -> Generator[Checkpointer | None, None, None]:
    """A checkpointer for the length of a `with` block; an object is passed through and not closed.

    Args:
        where: a checkpointer, None, or a URL: `memory://NAME` lives as long as the process, `sqlite:///FILE` is a file.
        must_exist: refuse to create a store that is not there.

    Raises:
        ConfigurationError: the URL is of no known form, or the file cannot be used as a store.
    """
    if not isinstance(where, str):
        yield where
    elif (path := _sqlite_path(where, must_exist=must_exist)) is None:
        yield _memory.setdefault(where, InMemorySaver())
    else:
        from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - only who stores pays for the import

        with ExitStack() as stack:
            with _readable(path):
                saver = stack.enter_context(SqliteSaver.from_conn_string(str(path)))
                saver.setup()
            yield saver


@asynccontextmanager
async def aopen_checkpointer(
    where: str | Checkpointer | None, *, must_exist: bool = False
) -> AsyncGenerator[Checkpointer | None, None]:
    """`open_checkpointer` for an event loop."""
    if not isinstance(where, str):
        yield _for_event_loop(where)
    elif (path := _sqlite_path(where, must_exist=must_exist)) is None:
        yield _memory.setdefault(where, InMemorySaver())
    else:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - as above

        async with AsyncExitStack() as stack:
            with _readable(path):
                _probe(path)
                saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(path)))
                await saver.setup()
            yield saver


def _for_event_loop(saver: Checkpointer | None) -> Checkpointer | None:
    if type(saver).__name__ == "SqliteSaver":
        raise ConfigurationError(
            "SqliteSaver does not work with an event loop. Give the URL 'sqlite:///runs.db', or an AsyncSqliteSaver."
        )
    return saver


def _sqlite_path(url: str, *, must_exist: bool) -> Path | None:
    """The file a URL names; None for the memory of this process."""
    if url.startswith("memory://"):
        return None
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise ConfigurationError(f"Unknown checkpointer {url!r}. Use {_FORMS}.")
    name = url.removeprefix("sqlite:///")
    if name.startswith((":memory:", "file:")) or not name.isprintable() or "?" in name:
        raise ConfigurationError(f"The checkpointer {url!r} must name a file, without options. Use {_FORMS}.")
    path = Path(name)
    if must_exist and not path.is_file():
        raise ConfigurationError(f"There is no checkpoint file {str(path)!r}.")
    if not path.parent.is_dir():
        raise ConfigurationError(f"There is no folder {str(path.parent)!r} for the checkpoint file {path.name!r}.")
    return path


def _probe(path: Path) -> None:
    """Let SQLite complain here: aiosqlite would leave a thread behind that complains a second time, on stderr."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()


@contextmanager
def _readable(path: Path) -> Generator[None, None, None]:
    """Turn what SQLite says about a file that is no store into an error that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ConfigurationError(f"The checkpoint file {str(path)!r} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{str(path)!r} is not a checkpoint file: {error}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSummary:
    """A stored thread and where its last run stands."""

    thread_id: str
    task: str
    agent_type: str
    outcome: str | None
    """None: the run has not ended; `resume` continues it."""
    steps: int
    updated_at: str
    """Time of the last checkpoint, ISO 8601."""


def list_threads(saver: Checkpointer) -> list[ThreadSummary]:
    """The threads of a store that an agent of this library ran, the one used last first."""
    # Every run leaves one checkpoint with the source "input": far fewer than there are checkpoints.
    seen = {_thread_id(stored) for stored in saver.list(None, filter={"source": "input"})}
    newest = (saver.get_tuple({"configurable": {"thread_id": thread_id}}) for thread_id in seen)
    found = [summary for stored in newest if stored is not None and (summary := _summary(stored)) is not None]
    return sorted(found, key=lambda summary: summary.updated_at, reverse=True)


def _thread_id(stored: CheckpointTuple) -> str:
    return str(stored.config.get("configurable", {})["thread_id"])


def _summary(stored: CheckpointTuple) -> ThreadSummary | None:
    values = stored.checkpoint["channel_values"]
    if not isinstance(values.get("run"), dict) or not isinstance(values.get("counters"), dict):
        return None  # another graph's thread
    run, counters = cast("dict[str, Any]", values["run"]), cast("dict[str, Any]", values["counters"])
    return ThreadSummary(
        thread_id=_thread_id(stored),
        task=str(run.get("task", "")),
        agent_type=str(run.get("agent_type", "")),
        outcome=values.get("outcome") if run.get("closing") else None,
        steps=int(counters.get("steps", 0)),
        updated_at=stored.checkpoint["ts"],
    )
