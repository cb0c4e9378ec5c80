"""Sessions in Monty: a small interpreter for a subset of Python, with no way out but the tools.

Monty is written in Rust and runs in a process of its own. A session is there in a few milliseconds. What of Python is
missing, as of pydantic-monty 1.4:

- statements: `del`, `yield`, class inheritance and metaclasses; so no exceptions of one's own;
- modules: a part of the standard library (`MODULES`) and nothing that is installed; no threads, files or sockets;
- names: `globals`, `vars`, `dir`, `object()`, `sys.exit`, `help`; `__name__` and `__doc__` of functions.

What a session does not keep of the contract of executors is listed in `WITHOUT`.
"""

import atexit
import importlib
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors.monty.checker import TypeChecker
from lumo_graph.executors.monty.session import MontySession
from lumo_graph.executors.monty.worker import Worker
from lumo_graph.types import Limits, ToolSpec

MODULES = (
    "math", "json", "re", "datetime", "random", "collections", "itertools", "functools", "asyncio", "time", "decimal",
    "csv", "hashlib", "base64", "copy", "bisect", "dataclasses", "typing", "pathlib", "tomllib", "binascii",
    "unicodedata", "sys", "os",
)  # fmt: skip
"""What code may import."""

WITHOUT = frozenset(
    {
        "code runs as a program",
        "variables can be deleted",
        "tools describe themselves",
        "tool errors have a class of their own",
        "tools work from threads",
        "leaving does not end the session",
        "a dying interpreter is an execution",
        "what cannot be saved is listed",
    }
)
"""Rules of `lumo_graph.testing.check_executor` that Monty's subset of Python has no words for."""

_MOST_SESSIONS = 10_000
_INSTALL = "pip install 'lumo-graph[monty]'"


class MontyExecutor:
    """Opens sessions that are Monty interpreters, each in a process of its own.

    Args:
        type_check: check the types of every action before it runs. What Monty's checker is sure of is an error of the
            action, and nothing of it is run. Off by default: a checker of types refuses some code that would work.

    Raises:
        ConfigurationError: the package `pydantic-monty` is not installed.
    """

    python_version = (3, 14)
    """The Python whose syntax Monty reads."""

    def __init__(self, *, type_check: bool = False) -> None:
        self._monty = import_monty()
        self._type_check = type_check

    def __repr__(self) -> str:
        return f"MontyExecutor(type_check={self._type_check!r})"

    @property
    def packages(self) -> Sequence[str]:
        """Modules worth naming to the model as importable: all that there are."""
        return MODULES

    def open(
        self, namespace: Mapping[str, bytes] | None = None, *, tools: Sequence[ToolSpec] = (), limits: Limits
    ) -> MontySession:
        """A new session whose namespace is empty, or restored from the merged snapshots of another session.

        Args:
            namespace: merged `Snapshot.changed` of another session, without what is None.
            tools: functions of the host that the code may call.
            limits: `memory_mb` applies to the session, unless it is restored: then what applied to the one before.

        Raises:
            ConfigurationError: `limits` bound the processor time of an action, which cannot be told from its duration.
            SnapshotError: `namespace` cannot be loaded here.
            ExecutorError: no session could be started.
        """
        if limits.action_cpu_seconds is not None:
            raise ConfigurationError(
                f"MontyExecutor cannot hold action_cpu_seconds={limits.action_cpu_seconds!r}: bound an action by "
                "action_seconds, or use ProcessExecutor."
            )
        settings: dict[str, Any] = {
            # Calls are counted by the session itself; the pool has its own count, of everything.
            "limits": {"max_memory": limits.memory_mb << 20, "max_suspensions": 1 << 31},
            "os_policy": {"sleep": "call_host"},
        }
        try:
            pool = _open_pool(self._monty)
            worker = Worker(self._monty, pool.checkout(**settings))
        except (self._monty.MontyError, OSError, RuntimeError) as failure:
            raise ExecutorError(f"No Monty session could be started: {failure}") from failure
        checker = TypeChecker(self._monty, pool.checkout, tools) if self._type_check else None
        session = MontySession(worker, tools, checker=checker, memory_mb=limits.memory_mb)
        try:
            session.begin(namespace)
        except BaseException:
            session.close()
            raise
        return session


def import_monty() -> Any:
    """The package.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return importlib.import_module("pydantic_monty")
    except ModuleNotFoundError as failure:
        raise ConfigurationError(f"MontyExecutor needs the package pydantic-monty: {_INSTALL}.") from failure


_pools: list[Any] = []
_inherited: list[Any] = []
"""Pools of the process that this one was forked from. Kept: letting go of them would end its sessions."""
_lock = threading.Lock()


def _open_pool(monty: Any) -> Any:
    """What the sessions of this process are started from. No worker waits in it, and none is used twice."""
    with _lock:
        if not _pools:
            pool = monty.Monty(min_processes=0, max_processes=_MOST_SESSIONS, max_checkouts_per_worker=1)
            _pools.append(pool.__enter__())
        return _pools[0]


def _close_pool() -> None:
    while _pools:
        _pools.pop().__exit__(None, None, None)


def _forget_after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not here may have held it
    _lock = threading.Lock()
    _inherited.extend(_pools)
    _pools.clear()


atexit.register(_close_pool)
os.register_at_fork(after_in_child=_forget_after_fork)
