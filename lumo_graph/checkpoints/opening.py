"""A checkpointer for the length of a call: an object as it is, or the store that a URL names."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph.checkpoints import sqlite
from lumo_graph.checkpoints.urls import MemoryStore, PostgresStore, parse_url
from lumo_graph.errors import ConfigurationError

Checkpointer: TypeAlias = BaseCheckpointSaver[Any]

_memory: dict[str, InMemorySaver] = {}
_BLOCKING = {"SqliteSaver": "sqlite:///runs.db", "PostgresSaver": "postgresql://user:password@host/database"}


@contextmanager
def open_checkpointer(
    where: str | Checkpointer | None, *, must_exist: bool = False
) -> Generator[Checkpointer | None, None, None]:
    """A checkpointer for the length of a `with` block; an object is passed through and not closed.

    Args:
        where: a checkpointer, None, or a URL: `memory://NAME` lives as long as the process, `sqlite:///FILE` is a file,
            `postgresql://user:password@host:port/database` a database (extra `postgres`).
        must_exist: refuse to create a store that is not there.

    Raises:
        ConfigurationError: the URL is of no known form, or the store cannot be used.
    """
    if not isinstance(where, str):
        yield where
        return
    store = parse_url(where)
    if isinstance(store, MemoryStore):
        yield _memory.setdefault(store.name, InMemorySaver())
    elif isinstance(store, PostgresStore):
        from lumo_graph.checkpoints import postgres  # noqa: PLC0415 - needs the extra

        with postgres.opened(store.url, must_exist=must_exist) as saver:
            yield saver
    else:
        with sqlite.opened(store.path, must_exist=must_exist) as saver:
            yield saver


@asynccontextmanager
async def aopen_checkpointer(
    where: str | Checkpointer | None, *, must_exist: bool = False
) -> AsyncGenerator[Checkpointer | None, None]:
    """`open_checkpointer` for an event loop."""
    if not isinstance(where, str):
        yield _for_event_loop(where)
        return
    store = parse_url(where)
    if isinstance(store, MemoryStore):
        yield _memory.setdefault(store.name, InMemorySaver())
    elif isinstance(store, PostgresStore):
        from lumo_graph.checkpoints import postgres  # noqa: PLC0415 - needs the extra

        async with postgres.aopened(store.url, must_exist=must_exist) as saver:
            yield saver
    else:
        async with sqlite.aopened(store.path, must_exist=must_exist) as saver:
            yield saver


def _for_event_loop(saver: Checkpointer | None) -> Checkpointer | None:
    if url := _BLOCKING.get(name := type(saver).__name__):
        raise ConfigurationError(f"{name} does not work with an event loop. Give the URL '{url}', or an Async{name}.")
    return saver
