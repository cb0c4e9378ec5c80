"""The lease of a thread that is stored in PostgreSQL: an advisory lock.

It is held by the very connection that writes, wherever a saver has one of its own: who has lost the lock can write no
more. Beside a pool it is a connection of the lease's own. The server drops it with the connection: at once when the
process is killed, within a minute when its machine is gone. The connection must be a real session, so a pooler such as
PgBouncer has to be in session mode.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias, cast

import psycopg
from psycopg.rows import tuple_row

from lumo_graph.checkpoints.holders import Holder, busy, second
from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

_KEY = "hashtextextended(format('lumo_graph thread %%s %%s', current_schema(), %s::text), 0)"
_TAKE = f"SELECT pg_try_advisory_lock({_KEY})"
_GIVE = f"SELECT pg_advisory_unlock({_KEY})"
_NAME = "SELECT set_config('application_name', %s, false)"
_HOLDER = f"""
SELECT application_name, backend_start FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND ((classid::bigint << 32) | objid::bigint) = {_KEY}
"""  # noqa: S608 - no value
# A machine that vanished is noticed, and a session that only waits is left alone.
_STAY = (
    "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET idle_session_timeout = 0"
)
_NAME_BYTES = 63
"""What the server keeps of the name of a session."""
_DEAD_SECONDS, _PAUSE_SECONDS = 5.0, 0.02


Row: TypeAlias = tuple[Any, ...] | None


@contextmanager
def hold_connection(saver: "PostgresSaver", thread_id: str) -> Generator[None, None, None]:
    """The thread's only writer for the length of a `with` block, by the connection that the saver writes with.

    Args:
        saver: of one connection. Whoever else uses it is kept out by the caller: it is one session for the server.
        thread_id: the thread.

    Raises:
        ThreadBusyError: somebody else holds it.
    """
    connection = cast("psycopg.Connection[Any]", saver.conn)

    def ask(query: str, value: str = thread_id) -> Row:
        with saver.lock, connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(cast("LiteralString", query), (value,) if "%s" in query else None).fetchone()

    with saver.lock:
        connection.execute(_STAY, prepare=False)  # several statements, where LangGraph prepares each
    ask(_NAME, _name())
    _wait(ask, thread_id)
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # with the connection the lock is gone
            ask(_GIVE)


@asynccontextmanager
async def ahold_connection(saver: "AsyncPostgresSaver", thread_id: str) -> AsyncGenerator[None, None]:
    """`hold_connection` for an event loop."""
    connection = cast("psycopg.AsyncConnection[Any]", saver.conn)

    async def ask(query: str, value: str = thread_id) -> Row:
        async with saver.lock, connection.cursor(row_factory=tuple_row) as cursor:
            done = await cursor.execute(cast("LiteralString", query), (value,) if "%s" in query else None)
            return await done.fetchone()

    async with saver.lock:
        await connection.execute(_STAY, prepare=False)
    await ask(_NAME, _name())
    await _await(ask, thread_id)
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            await ask(_GIVE)


@contextmanager
def hold_row(parameters: Mapping[str, Any], thread_id: str) -> Generator[None, None, None]:
    """The same by a connection of its own, beside a pool.

    Args:
        parameters: how to connect to the database the thread is stored in.
        thread_id: the thread.

    Raises:
        ThreadBusyError: somebody else holds it.
        ConfigurationError: the database lets no second connection in.
    """
    try:
        connection = psycopg.connect(autocommit=True, **_named(parameters))
    except psycopg.Error as error:
        raise _unreachable(error, parameters) from None
    try:
        connection.execute(_STAY)
        _wait(lambda query: connection.execute(cast("LiteralString", query), (thread_id,)).fetchone(), thread_id)
        yield
    finally:
        connection.close()


@asynccontextmanager
async def ahold_row(parameters: Mapping[str, Any], thread_id: str) -> AsyncGenerator[None, None]:
    """`hold_row` for an event loop."""
    try:
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **_named(parameters))
    except psycopg.Error as error:
        raise _unreachable(error, parameters) from None
    try:
        await connection.execute(_STAY)

        async def ask(query: str) -> Row:
            return await (await connection.execute(cast("LiteralString", query), (thread_id,))).fetchone()

        await _await(ask, thread_id)
        yield
    finally:
        await connection.close()


def _wait(ask: Callable[[str], Row], thread_id: str) -> None:
    """Take the lock; a holder that has died is waited for until the server has noticed."""
    deadline = time.monotonic() + _DEAD_SECONDS
    while not _taken(ask(_TAKE)):
        row = ask(_HOLDER)
        if not _is_gone(row) or time.monotonic() > deadline:
            raise busy(thread_id, _holder(row))
        time.sleep(_PAUSE_SECONDS)


async def _await(ask: Callable[[str], Awaitable[Row]], thread_id: str) -> None:
    deadline = time.monotonic() + _DEAD_SECONDS
    while not _taken(await ask(_TAKE)):
        row = await ask(_HOLDER)
        if not _is_gone(row) or time.monotonic() > deadline:
            raise busy(thread_id, _holder(row))
        await asyncio.sleep(_PAUSE_SECONDS)


def _name() -> str:
    me = Holder.this()
    return f"lumo_graph {me.pid}@{me.host}".encode()[:_NAME_BYTES].decode(errors="ignore")


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"connect_timeout": 10, **parameters, "application_name": _name()}


def _taken(row: Row) -> bool:
    return bool(row and row[0])


def _holder(row: Row) -> Holder | None:
    """Who holds it, as far as this user may see the sessions of others."""
    name, started = row or (None, None)
    pid, _, host = str(name or "").removeprefix("lumo_graph ").partition("@")
    if not pid.isdigit() or started is None:
        return None
    return Holder(pid=int(pid), host=host, since=second(started))


def _is_gone(row: Row) -> bool:
    """Whether the holder has let go since we asked, or was on this machine and is dead."""
    if row is None:
        return True
    holder = _holder(row)
    if holder is None or not holder.host or not Holder.this().host.startswith(holder.host):
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _unreachable(error: psycopg.Error, parameters: Mapping[str, Any]) -> ConfigurationError:
    reason = " ".join(str(error).split())
    if password := str(parameters.get("password") or ""):
        reason = reason.replace(password, "***")
    return ConfigurationError(f"The database lets no second connection in, which the thread's lease needs: {reason}")
