"""The lease of a thread that is stored in PostgreSQL: an advisory lock of a session of its own.

The server drops it with the connection: at once when the process is killed, within a minute when its machine is gone.
Its session must be a real one, so a pooler such as PgBouncer has to be in session mode.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg

from lumo_graph.checkpoints.holders import Holder, busy, second
from lumo_graph.errors import ConfigurationError

_KEY = "hashtextextended(format('lumo_graph thread %%s %%s', current_schema(), %s::text), 0)"
_TAKE = f"SELECT pg_try_advisory_lock({_KEY})"
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


@contextmanager
def hold_row(parameters: Mapping[str, Any], thread_id: str) -> Generator[None, None, None]:
    """The thread's only writer for the length of a `with` block.

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
        deadline = time.monotonic() + _DEAD_SECONDS
        while not _taken(connection.execute(_TAKE, (thread_id,)).fetchone()):
            row = connection.execute(_HOLDER, (thread_id,)).fetchone()
            if not _is_gone(row) or time.monotonic() > deadline:
                raise busy(thread_id, _holder(row))
            time.sleep(_PAUSE_SECONDS)  # the server is about to notice
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
        deadline = time.monotonic() + _DEAD_SECONDS
        while not _taken(await (await connection.execute(_TAKE, (thread_id,))).fetchone()):
            row = await (await connection.execute(_HOLDER, (thread_id,))).fetchone()
            if not _is_gone(row) or time.monotonic() > deadline:
                raise busy(thread_id, _holder(row))
            await asyncio.sleep(_PAUSE_SECONDS)
        yield
    finally:
        await connection.close()


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    me = Holder.this()
    name = f"lumo_graph {me.pid}@{me.host}".encode()[:_NAME_BYTES].decode(errors="ignore")
    return {"connect_timeout": 10, **parameters, "application_name": name}


def _taken(row: tuple[Any, ...] | None) -> bool:
    return bool(row and row[0])


def _holder(row: tuple[Any, ...] | None) -> Holder | None:
    """Who holds it, as far as this user may see the sessions of others."""
    name, started = row or (None, None)
    pid, _, host = str(name or "").removeprefix("lumo_graph ").partition("@")
    if not pid.isdigit() or started is None:
        return None
    return Holder(pid=int(pid), host=host, since=second(started))


def _is_gone(row: tuple[Any, ...] | None) -> bool:
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
