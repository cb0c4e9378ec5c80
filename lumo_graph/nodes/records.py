"""Where the records of a node run are: beside its checkpoint, as pending writes that LangGraph leaves alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.constants import CONFIG_KEY_CHECKPOINTER
from langgraph.runtime import get_runtime

from lumo_graph.nodes.invocation import invocation_of

_ANSWER_TASK = "00000000-0000-0000-0000-000000000000"
"""The task id under which LangGraph stores the value of a `Command(resume=...)`. It stays there when it is used up, and
would answer the next question of the same node if the run went on without a new answer."""
CALLS, SOURCES, WAVES, DECIDED = "lumo:calls", "lumo:sources", "lumo:waves", "lumo:decided"
"""The channels of calls that were made, of what an action drew from, of what a person was asked and has answered."""
RESUME = "__resume__"
"""The channel of it, and of the answers that a node run has used."""


class Store(Protocol):
    """Where the records of one node run are, read and written from any thread."""

    def read(self) -> list[tuple[str, str, Any]] | None:
        """Task id, channel and value of every write; None if the checkpoint is not stored."""
        ...

    def history(self) -> list[CheckpointTuple]:
        """The checkpoint and all that came before it in its thread, the first one last."""
        ...

    def write(self, task_id: str, channel: str, value: Any) -> None:
        """Store one value, and be sure of it."""
        ...

    def forget_answer(self) -> None:
        """Let no answer that was given to an earlier question be taken for one to the next."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The checkpoint that a node run belongs to."""

    saver: BaseCheckpointSaver[Any]
    config: RunnableConfig
    root: RunnableConfig
    """The checkpoint of the outermost graph: there LangGraph keeps the answer that a person has given."""
    task_id: str

    @property
    def thread(self) -> str:
        """The thread that it is in."""
        return self.config["configurable"]["thread_id"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - made below

    @property
    def namespace(self) -> str:
        """The place of its graph among those that call each other; empty for the outermost."""
        return self.config["configurable"]["checkpoint_ns"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - same

    @property
    def step(self) -> str:
        """The checkpoint of the outermost graph from which its nodes run now."""
        return self.root["configurable"]["checkpoint_id"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - same

    @property
    def name(self) -> str:
        """Names the node run, the same in every attempt at it."""
        where = self.config["configurable"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - made below
        return f"{where['thread_id']}/{where['checkpoint_ns']}/{where['checkpoint_id']}/{self.task_id}"


def find_place(config: RunnableConfig) -> Place | None:
    """Where this node run keeps its records; None if its graph stores nothing."""
    configurable, invocation = config.get("configurable", {}), invocation_of(config)
    if invocation is not None and not invocation.stores:
        return None  # LangGraph shows the parent's checkpointer even where nothing is stored
    saver, info = configurable.get(CONFIG_KEY_CHECKPOINTER), get_runtime().execution_info
    if not isinstance(saver, BaseCheckpointSaver) or info is None or info.thread_id is None:
        return None
    # The last segment of the namespace is the node's own.
    namespace = "|".join(info.checkpoint_ns.split("|")[:-1])
    where = {"thread_id": info.thread_id, "checkpoint_ns": namespace, "checkpoint_id": info.checkpoint_id}
    ids: Mapping[str, str] = configurable.get("checkpoint_map") or {}
    root = {**where, "checkpoint_ns": "", "checkpoint_id": ids.get("", info.checkpoint_id)}
    return Place(
        saver=cast("BaseCheckpointSaver[Any]", saver),
        config={"configurable": where},
        root={"configurable": root},
        task_id=info.task_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingStore:
    """Records of a node that runs without an event loop."""

    place: Place

    def read(self) -> list[tuple[str, str, Any]] | None:
        """See Store."""
        return _writes(self.place.saver.get_tuple(self.place.config))

    def history(self) -> list[CheckpointTuple]:
        """See Store."""
        found: list[CheckpointTuple] = []
        at: RunnableConfig | None = self.place.config
        while at is not None and (stored := self.place.saver.get_tuple(at)) is not None:
            found.append(stored)
            at = stored.parent_config
        return found

    def write(self, task_id: str, channel: str, value: Any) -> None:
        """See Store."""
        self.place.saver.put_writes(self.place.config, [(channel, value)], f"{self.place.task_id}:{task_id}")

    def forget_answer(self) -> None:
        """See Store."""
        self.place.saver.put_writes(self.place.root, [(RESUME, None)], _ANSWER_TASK)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStore:
    """Records of a node that runs on an event loop; called from other threads than the loop's."""

    place: Place
    loop: asyncio.AbstractEventLoop

    def read(self) -> list[tuple[str, str, Any]] | None:
        """See Store."""
        found = self.place.saver.aget_tuple(self.place.config)
        return _writes(asyncio.run_coroutine_threadsafe(found, self.loop).result())

    def history(self) -> list[CheckpointTuple]:
        """See Store."""
        return asyncio.run_coroutine_threadsafe(self._history(), self.loop).result()

    async def _history(self) -> list[CheckpointTuple]:
        found: list[CheckpointTuple] = []
        at: RunnableConfig | None = self.place.config
        while at is not None and (stored := await self.place.saver.aget_tuple(at)) is not None:
            found.append(stored)
            at = stored.parent_config
        return found

    def write(self, task_id: str, channel: str, value: Any) -> None:
        """See Store."""
        name = f"{self.place.task_id}:{task_id}"
        written = self.place.saver.aput_writes(self.place.config, [(channel, value)], name)
        asyncio.run_coroutine_threadsafe(written, self.loop).result()

    def forget_answer(self) -> None:
        """See Store."""
        written = self.place.saver.aput_writes(self.place.root, [(RESUME, None)], _ANSWER_TASK)
        asyncio.run_coroutine_threadsafe(written, self.loop).result()


def _writes(stored: CheckpointTuple | None) -> list[tuple[str, str, Any]] | None:
    return None if stored is None else [*(stored.pending_writes or ())]
