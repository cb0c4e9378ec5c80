"""A store in a file."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


@contextmanager
def opened(path: Path, *, must_exist: bool) -> Generator["SqliteSaver", None, None]:
    """The store in a file, made if it is missing.

    Raises:
        ConfigurationError: the file cannot be used as a store, or is missing and must exist.
    """
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - only who stores pays for the import

    _check(path, must_exist=must_exist)
    with ExitStack() as stack:
        with _readable(path):
            saver = stack.enter_context(SqliteSaver.from_conn_string(str(path)))
            saver.setup()
        yield saver


@asynccontextmanager
async def aopened(path: Path, *, must_exist: bool) -> AsyncGenerator["AsyncSqliteSaver", None]:
    """`opened` for an event loop."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - as above

    _check(path, must_exist=must_exist)
    async with AsyncExitStack() as stack:
        with _readable(path):
            await asyncio.to_thread(_probe, path)
            saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(path)))
            await saver.setup()
        yield saver


def _check(path: Path, *, must_exist: bool) -> None:
    if must_exist and not path.is_file():
        raise ConfigurationError(f"There is no checkpoint file {str(path)!r}.")
    if not path.parent.is_dir():
        raise ConfigurationError(f"There is no folder {str(path.parent)!r} for the checkpoint file {path.name!r}.")


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
