"""One writer a thread: a lease that a run holds from its begin to its end.

Where it lies depends on where the thread is stored, so that every process that can write to the thread meets it there.
"""

# The connections of LangGraph's savers are typed for their own use:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from weakref import WeakKeyDictionary

from langgraph.checkpoint.base import BaseCheckpointSaver

from lumo_graph.checkpoints.file_leases import hold_file
from lumo_graph.checkpoints.holders import Holder, busy
from lumo_graph.checkpoints.rows import is_a

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

_Saver: TypeAlias = BaseCheckpointSaver[Any]

_FILE = "PRAGMA database_list"
_held: WeakKeyDictionary[object, dict[str, Holder]] = WeakKeyDictionary()
"""By saver, or by the connection of one: for its server that is one holder, whoever uses it."""
_lock = threading.Lock()


@contextmanager
def hold_thread(saver: _Saver | None, thread_id: str | None) -> Generator[None, None, None]:
    """Be a thread's only writer for the length of a `with` block.

    `run` and its kin do this by themselves. Who drives a graph by its own `invoke` or `stream` may do it too:
    `with hold_thread(saver, "t"): graph.invoke(...)`.

    Args:
        saver: where the thread is stored. The lease lies beside the file, in the database, or, for what is not stored
            outside this process and for savers of other kinds, in this process. None: there is nothing to hold.
        thread_id: the thread; None as for `saver`.

    Raises:
        ThreadBusyError: another run drives the thread; says which process, and since when.
    """
    if saver is None or thread_id is None:
        yield
    elif _has_connection(saver, "langgraph.checkpoint.postgres", "PostgresSaver"):
        from lumo_graph.checkpoints.postgres_leases import hold_connection  # noqa: PLC0415 - the extra

        with _hold_here(cast("Any", saver).conn, str(thread_id)), hold_connection(cast("Any", saver), str(thread_id)):
            yield
    elif (parameters := _postgres_place(saver)) is not None:
        from lumo_graph.checkpoints.postgres_leases import hold_row  # noqa: PLC0415 - the extra

        with hold_row(parameters, str(thread_id)):
            yield
    elif (file := _sqlite_file(saver)) is not None:
        with hold_file(file, str(thread_id)):
            yield
    else:
        with _hold_here(saver, str(thread_id)):
            yield


@asynccontextmanager
async def ahold_thread(saver: _Saver | None, thread_id: str | None) -> AsyncGenerator[None, None]:
    """`hold_thread` for an event loop."""
    if saver is None or thread_id is None:
        yield
    elif _has_connection(saver, "langgraph.checkpoint.postgres.aio", "AsyncPostgresSaver"):
        from lumo_graph.checkpoints.postgres_leases import ahold_connection  # noqa: PLC0415 - the extra

        with _hold_here(cast("Any", saver).conn, str(thread_id)):
            async with ahold_connection(cast("Any", saver), str(thread_id)):
                yield
    elif (parameters := _postgres_place(saver)) is not None:
        from lumo_graph.checkpoints.postgres_leases import ahold_row  # noqa: PLC0415 - the extra

        async with ahold_row(parameters, str(thread_id)):
            yield
    elif (file := await _asqlite_file(saver)) is not None:
        with hold_file(file, str(thread_id)):
            yield
    else:
        with _hold_here(saver, str(thread_id)):
            yield


@contextmanager
def _hold_here(place: object, thread_id: str) -> Generator[None, None, None]:
    with _lock:
        held = _held.setdefault(place, {})
        if holder := held.get(thread_id):
            raise busy(thread_id, holder)
        held[thread_id] = Holder.this()
    try:
        yield
    finally:
        with _lock:
            del held[thread_id]


def _has_connection(saver: _Saver, module: str, name: str) -> bool:
    """Whether a saver writes with one connection, which a lock can be a part of."""
    if not is_a(saver, module, name):
        return False
    connection = cast("Any", saver).conn
    return hasattr(connection, "info") and connection.autocommit and not cast("Any", saver).pipe


def _postgres_place(saver: _Saver) -> Mapping[str, Any] | None:
    """How to connect to the database of a saver; None if it has none."""
    if not is_a(saver, "langgraph.checkpoint.postgres.base", "BasePostgresSaver"):
        return None
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the extra

    connection = cast("Any", saver).conn
    if hasattr(connection, "info"):
        info = connection.info
        # The host it found, of several that were named: a lock on another server would keep nobody out.
        return {**info.get_parameters(), "host": info.host, "port": info.port, "password": info.password or None}
    given = connection.conninfo  # a pool's
    return conninfo_to_dict(cast("str", given() if callable(given) else given))


def _sqlite_file(saver: _Saver) -> Path | None:
    """The file of a saver; None if it has none."""
    if is_a(saver, "langgraph.checkpoint.sqlite", "SqliteSaver"):
        known = cast("SqliteSaver", saver)
        with known.lock:
            return _main_file(known.conn.execute(_FILE).fetchall())
    if is_a(saver, "langgraph.checkpoint.sqlite.aio", "AsyncSqliteSaver"):
        # As the saver's own methods without `await` do: from another thread than its event loop's.
        return asyncio.run_coroutine_threadsafe(_asqlite_file(saver), cast("AsyncSqliteSaver", saver).loop).result()
    return None


async def _asqlite_file(saver: _Saver) -> Path | None:
    if not is_a(saver, "langgraph.checkpoint.sqlite.aio", "AsyncSqliteSaver"):
        return _sqlite_file(saver)
    known = cast("AsyncSqliteSaver", saver)
    await known.setup()  # connects, where nobody has yet
    async with known.lock, known.conn.execute(_FILE) as cursor:
        return _main_file([(row[0], row[1], row[2]) for row in await cursor.fetchall()])


def _main_file(databases: list[tuple[int, str, str]]) -> Path | None:
    return next((Path(file) for _, name, file in databases if name == "main" and file), None)
