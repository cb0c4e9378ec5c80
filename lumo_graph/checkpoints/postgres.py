"""A store in a PostgreSQL database. Needs the extra `postgres`; opening says so where it is missing."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from lumo_graph.checkpoints.urls import shown_url
from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection, Connection
    from psycopg.rows import DictRow

_CONNECT_SECONDS = 10
_SETUP_SECONDS, _PAUSE_SECONDS = 60.0, 0.05
_MADE = "SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS made"
_VERSION = "SELECT coalesce(max(v), -1) AS v FROM checkpoint_migrations"
# Polled, not waited for: a session that waits inside a statement would hold up CREATE INDEX CONCURRENTLY for ever.
_TRY_SETUP = "SELECT pg_try_advisory_lock(hashtextextended('lumo_graph setup', 0)) AS free"
_END_SETUP = "SELECT pg_advisory_unlock(hashtextextended('lumo_graph setup', 0))"
_ADVICE = (
    ("password authentication failed", "The user or the password is wrong."),
    ("no password supplied", "The server wants a password: postgresql://user:password@host/database, or PGPASSWORD."),
    ('database "', "Make the database first (CREATE DATABASE), or name one that is there."),
    ('role "', "There is no such user on the server."),
    ("", "Is the server running, and are host and port right?"),
)


@contextmanager
def opened(url: str, *, must_exist: bool) -> Generator["PostgresSaver", None, None]:
    """The store in a database; its tables are made if they are missing.

    Raises:
        ConfigurationError: the extra is missing, the server does not let us in, or there is no store and must be one.
    """
    with _needs_extra():
        from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415 - the extra

    with _refused(url):
        connection = _connect(url)
    try:
        with _refused(url):
            saver = PostgresSaver(connection)
            _set_up(saver, connection, url, must_exist=must_exist)
        yield saver
    finally:
        connection.close()


@asynccontextmanager
async def aopened(url: str, *, must_exist: bool) -> AsyncGenerator["AsyncPostgresSaver", None]:
    """`opened` for an event loop."""
    with _needs_extra():
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415 - the extra

    with _refused(url):
        connection = await _aconnect(url)
    try:
        with _refused(url):
            saver = AsyncPostgresSaver(connection)
            await _aset_up(saver, connection, url, must_exist=must_exist)
        yield saver
    finally:
        await connection.close()


def check(url: str) -> None:
    """See whether the server lets us in; nothing is made.

    Raises:
        ConfigurationError: the extra is missing, or the server does not.
    """
    with _needs_extra():
        import psycopg  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport] - the extra

    with _refused(url):
        _connect(url).close()


def parameters(url: str, application_name: str = "lumo_graph") -> dict[str, Any]:
    """What a connection is opened with: what the URL says, and a name and a time limit where it says nothing."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the extra

    ours = {"application_name": application_name, "connect_timeout": _CONNECT_SECONDS}
    return {**ours, **conninfo_to_dict(url)}


def _connect(url: str) -> "Connection[DictRow]":
    from psycopg import Connection  # noqa: PLC0415 - the extra
    from psycopg.rows import DictRow, dict_row  # noqa: PLC0415 - same

    kind = Connection[DictRow]
    return kind.connect(autocommit=True, prepare_threshold=0, row_factory=dict_row, **parameters(url))


async def _aconnect(url: str) -> "AsyncConnection[DictRow]":
    from psycopg import AsyncConnection  # noqa: PLC0415 - the extra
    from psycopg.rows import DictRow, dict_row  # noqa: PLC0415 - same

    kind = AsyncConnection[DictRow]
    return await kind.connect(autocommit=True, prepare_threshold=0, row_factory=dict_row, **parameters(url))


def _set_up(saver: "PostgresSaver", connection: "Connection[DictRow]", url: str, *, must_exist: bool) -> None:
    """Make or renew the tables, one process at a time; a store that is up to date needs no right to change it."""
    if _one(connection.execute(_MADE).fetchone(), "made"):
        if _one(connection.execute(_VERSION).fetchone(), "v") >= len(saver.MIGRATIONS) - 1:
            return
    elif must_exist:
        raise _no_store(url)
    deadline = time.monotonic() + _SETUP_SECONDS
    while not _one(connection.execute(_TRY_SETUP).fetchone(), "free"):
        _check_deadline(deadline, url)
        time.sleep(_PAUSE_SECONDS)
    saver.setup()
    connection.execute(_END_SETUP)


async def _aset_up(
    saver: "AsyncPostgresSaver", connection: "AsyncConnection[DictRow]", url: str, *, must_exist: bool
) -> None:
    if _one(await (await connection.execute(_MADE)).fetchone(), "made"):
        if _one(await (await connection.execute(_VERSION)).fetchone(), "v") >= len(saver.MIGRATIONS) - 1:
            return
    elif must_exist:
        raise _no_store(url)
    deadline = time.monotonic() + _SETUP_SECONDS
    while not _one(await (await connection.execute(_TRY_SETUP)).fetchone(), "free"):
        _check_deadline(deadline, url)
        await asyncio.sleep(_PAUSE_SECONDS)
    await saver.setup()
    await connection.execute(_END_SETUP)


def _one(row: "DictRow | None", column: str) -> Any:
    return (row or {})[column]


def _check_deadline(deadline: float, url: str) -> None:
    if time.monotonic() > deadline:
        raise ConfigurationError(
            f"Another process has been making the tables in {shown_url(url)!r} for {_SETUP_SECONDS:.0f} s. "
            "Look for it in pg_stat_activity, then try again."
        )


def _no_store(url: str) -> ConfigurationError:
    return ConfigurationError(f"There are no threads in {shown_url(url)!r} yet: no run was stored there.")


@contextmanager
def _needs_extra() -> Generator[None, None, None]:
    try:
        yield
    except ImportError as error:  # psycopg without libpq is one too
        raise ConfigurationError(
            "postgresql:// needs the extra 'postgres': pip install 'lumo-graph[postgres]'"
        ) from error


@contextmanager
def _refused(url: str) -> Generator[None, None, None]:
    """Turn what the server, or the way to it, says into an error that names the place, and never the password."""
    import psycopg  # noqa: PLC0415 - the extra

    try:
        yield
    except psycopg.ProgrammingError as error:
        if error.sqlstate:  # by the server: of the tables, not of the URL
            raise ConfigurationError(
                f"The database {shown_url(url)!r} cannot be used as a store: {reason_of(error, url)}. "
                "The user must be allowed to make tables in it once."
            ) from None
        # What libpq says of a URL that it cannot read may quote the password.
        raise ConfigurationError(
            f"The URL {shown_url(url)!r} cannot be read. Encode what is special in the password (@ as %40, / as %2F), "
            "as urllib.parse.quote(password, safe='') does, and name only options that PostgreSQL knows."
        ) from None
    except psycopg.Error as error:
        reason = reason_of(error, url)
        advice = next(text for words, text in _ADVICE if words in reason)
        raise ConfigurationError(f"The database {shown_url(url)!r} cannot be opened: {reason}. {advice}") from None


def reason_of(error: Exception, url: str) -> str:
    """The last line of what went wrong, which is the server's own, without the password."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the extra

    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = next((line for line in lines if "FATAL" in line), lines[0] if lines else type(error).__name__)
    password = str(conninfo_to_dict(url).get("password") or "")
    return (reason.replace(password, "***") if password else reason).rstrip(".")
