"""The rows beneath a saver: what no saver has a method for, listing threads and taking single checkpoints out.

A checkpoint is taken out with its writes in one transaction, so a crash leaves it whole or gone.
"""

# Tables and attributes of LangGraph's savers, as their own `prune` and `delete_thread` use them.
# pyright: reportUnknownMemberType=false

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.sqlite import SqliteSaver

# Ids of checkpoints begin with the time.
_THREADS = (
    "SELECT thread_id FROM checkpoints WHERE checkpoint_ns = '' GROUP BY thread_id ORDER BY max(checkpoint_id) DESC"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Where a checkpoint stands."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    root_id: str | None
    """The thread's own checkpoint that a subgraph's checkpoint belongs to."""


class Rows(Protocol):
    """The rows of one saver."""

    def thread_ids(self) -> list[str]:
        """Every thread of the store, the one written to last first."""
        ...

    def of_thread(self, thread_id: str) -> list[Row]:
        """The checkpoints of a thread."""
        ...

    def remove(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> None:
        """Take checkpoints out; those that came after them have no parent then."""
        ...

    def give_back_space(self) -> None:
        """Let the store become smaller, where it does not do so by itself."""
        ...


def rows_of(saver: BaseCheckpointSaver[Any]) -> Rows | None:
    """The rows of a saver; None for one whose rows are not known."""
    if isinstance(saver, InMemorySaver):
        return MemoryRows(saver)
    if is_a(saver, "langgraph.checkpoint.sqlite", "SqliteSaver"):
        return SqliteRows(cast("SqliteSaver", saver))
    if is_a(saver, "langgraph.checkpoint.postgres", "PostgresSaver"):
        return PostgresRows(cast("PostgresSaver", saver))
    return None


def is_a(value: object, module: str, name: str) -> bool:
    """Whether it is of a class whose module may not even be installed: then it cannot be."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _root_of(metadata: Any) -> str | None:
    parents = cast("Mapping[str, Mapping[str, str]]", metadata or {}).get("parents")
    return (parents or {}).get("")


class MemoryRows:
    """Rows of an `InMemorySaver`."""

    def __init__(self, saver: InMemorySaver) -> None:
        self._saver = saver

    def thread_ids(self) -> list[str]:
        """Every thread of the store, the one written to last first."""
        newest = {name: max(found) for name, stored in [*self._saver.storage.items()] if (found := stored.get(""))}
        return sorted(newest, key=newest.__getitem__, reverse=True)

    def of_thread(self, thread_id: str) -> list[Row]:
        """The checkpoints of a thread."""
        loads = self._saver.serde.loads_typed
        return [
            Row(namespace=namespace, checkpoint_id=found, parent_id=parent, root_id=_root_of(loads(metadata)))
            for namespace, checkpoints in self._saver.storage.get(thread_id, {}).items()
            for found, (_, metadata, parent) in checkpoints.items()
        ]

    def remove(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> None:
        """Take checkpoints out."""
        stored, loads = self._saver.storage[thread_id][namespace], self._saver.serde.loads_typed
        gone = {*checkpoint_ids}
        for checkpoint_id in checkpoint_ids:
            stored.pop(checkpoint_id, None)
            self._saver.writes.pop((thread_id, namespace, checkpoint_id), None)
        for checkpoint_id, (checkpoint, metadata, parent) in [*stored.items()]:
            if parent in gone:
                stored[checkpoint_id] = (checkpoint, metadata, None)
        used = {pair for checkpoint, _, _ in stored.values() for pair in loads(checkpoint)["channel_versions"].items()}
        for key in [*self._saver.blobs]:
            if key[:2] == (thread_id, namespace) and key[2:] not in used:
                del self._saver.blobs[key]
        if not stored:
            del self._saver.storage[thread_id][namespace]

    def give_back_space(self) -> None:
        """Python does."""


class SqliteRows:
    """Rows of a `SqliteSaver`."""

    def __init__(self, saver: "SqliteSaver") -> None:
        self._saver = saver

    def thread_ids(self) -> list[str]:
        """Every thread of the store, the one written to last first."""
        with self._saver.cursor(transaction=False) as cursor:
            cursor.execute(_THREADS)
            return [thread_id for (thread_id,) in cursor]

    def of_thread(self, thread_id: str) -> list[Row]:
        """The checkpoints of a thread."""
        with self._saver.cursor(transaction=False) as cursor:
            cursor.execute(
                "SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata FROM checkpoints "
                "WHERE thread_id = ?",
                (thread_id,),
            )
            return [
                Row(
                    namespace=namespace,
                    checkpoint_id=found,
                    parent_id=parent,
                    root_id=_root_of(json.loads(metadata or b"{}")),
                )
                for namespace, found, parent, metadata in cursor
            ]

    def remove(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> None:
        """Take checkpoints out."""
        keys = [(thread_id, namespace, checkpoint_id) for checkpoint_id in checkpoint_ids]
        where = "WHERE thread_id = ? AND checkpoint_ns = ? AND"
        with self._saver.cursor() as cursor:
            try:
                cursor.executemany(f"DELETE FROM writes {where} checkpoint_id = ?", keys)  # noqa: S608 - no value
                cursor.executemany(f"DELETE FROM checkpoints {where} checkpoint_id = ?", keys)  # noqa: S608 - same
                # One pass over the thread: the parent is in no index.
                cursor.execute(
                    "UPDATE checkpoints SET parent_checkpoint_id = NULL WHERE thread_id = ? AND checkpoint_ns = ? "
                    "AND parent_checkpoint_id IS NOT NULL AND parent_checkpoint_id NOT IN "
                    "(SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?)",
                    (thread_id, namespace, thread_id, namespace),
                )
            except BaseException:
                self._saver.conn.rollback()  # the saver's cursor commits whatever happens
                raise

    def give_back_space(self) -> None:
        """Rewrite the file. Where another process uses it, the room is kept for what comes next instead."""
        with self._saver.lock, suppress(sqlite3.OperationalError):
            self._saver.conn.execute("VACUUM")


class PostgresRows:
    """Rows of a `PostgresSaver`."""

    def __init__(self, saver: "PostgresSaver") -> None:
        self._saver = saver

    def thread_ids(self) -> list[str]:
        """Every thread of the store, the one written to last first."""
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(_THREADS)
            return [row["thread_id"] for row in cursor]

    def of_thread(self, thread_id: str) -> list[Row]:
        """The checkpoints of a thread."""
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata FROM checkpoints "
                "WHERE thread_id = %s",
                (thread_id,),
            )
            return [
                Row(
                    namespace=row["checkpoint_ns"],
                    checkpoint_id=row["checkpoint_id"],
                    parent_id=row["parent_checkpoint_id"],
                    root_id=_root_of(row["metadata"]),
                )
                for row in cursor
            ]

    def remove(self, thread_id: str, namespace: str, checkpoint_ids: Sequence[str]) -> None:
        """Take checkpoints out, and the values that none is left to use."""
        place, gone = (thread_id, namespace), [*checkpoint_ids]
        where = "WHERE thread_id = %s AND checkpoint_ns = %s"
        with self._connection() as connection, connection.transaction(), connection.cursor() as cursor:
            for table in ("checkpoint_writes", "checkpoints"):
                cursor.execute(f"DELETE FROM {table} {where} AND checkpoint_id = ANY(%s)", (*place, gone))  # noqa: S608
            cursor.execute(
                f"UPDATE checkpoints SET parent_checkpoint_id = NULL {where} AND parent_checkpoint_id = ANY(%s)",  # noqa: S608
                (*place, gone),
            )
            cursor.execute(
                f"DELETE FROM checkpoint_blobs {where} AND (channel, version) NOT IN (SELECT used.key, used.value "  # noqa: S608
                f"FROM checkpoints, jsonb_each_text(checkpoint -> 'channel_versions') AS used {where})",
                (*place, *place),
            )

    def give_back_space(self) -> None:
        """Autovacuum does."""

    def _connection(self) -> Any:
        from langgraph.checkpoint.postgres._internal import get_connection  # noqa: PLC0415 - or a pool's

        return get_connection(self._saver.conn)
