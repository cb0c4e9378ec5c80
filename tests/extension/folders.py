"""A checkpointer as a third party would write it: a folder for each thread, a file for each checkpoint and write."""

import hashlib
import pickle
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
    writes_sort_key,
)


class FolderSaver(BaseCheckpointSaver[int]):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _place(self, config: RunnableConfig) -> Path:
        given = config["configurable"]
        namespace = hashlib.sha256(given.get("checkpoint_ns", "").encode()).hexdigest()[:16]
        return self._folder / given["thread_id"] / namespace

    def put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: Any
    ) -> RunnableConfig:
        place = self._place(config)
        place.mkdir(parents=True, exist_ok=True)
        kept = {
            "checkpoint": self.serde.dumps_typed(checkpoint),
            "metadata": self.serde.dumps_typed(get_checkpoint_metadata(config, metadata)),
            "parent": config["configurable"].get("checkpoint_id"),
            "namespace": config["configurable"].get("checkpoint_ns", ""),
        }
        _write(place / f"{checkpoint['id']}.checkpoint", kept)
        return self._config(config, kept["namespace"], checkpoint["id"])

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        place = self._place(config) / config["configurable"]["checkpoint_id"]
        place.mkdir(parents=True, exist_ok=True)
        for at, (channel, value) in enumerate(writes):
            number = WRITES_IDX_MAP.get(channel, at)
            file = place / f"{task_id}.{number}.write"
            if number < 0 or not file.exists():
                _write(file, (task_path, task_id, number, channel, self.serde.dumps_typed(value)))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        place = self._place(config)
        named = config["configurable"].get("checkpoint_id")
        files = sorted(place.glob("*.checkpoint")) if not named else [place / f"{named}.checkpoint"]
        return self._read(files[-1], config) if files and files[-1].exists() else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph names it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        assert config is not None
        files = sorted(self._place(config).glob("*.checkpoint"), reverse=True)
        if before is not None:
            files = [file for file in files if file.stem < before["configurable"]["checkpoint_id"]]
        found = (self._read(file, config) for file in files)
        kept = [it for it in found if all(it.metadata.get(key) == value for key, value in (filter or {}).items())]
        yield from kept[:limit]

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.get_tuple(config)

    async def alist(self, config: RunnableConfig | None, **given: Any) -> Any:
        for found in self.list(config, **given):
            yield found

    async def aput(self, *given: Any) -> RunnableConfig:
        return self.put(*given)

    async def aput_writes(self, *given: Any) -> None:
        self.put_writes(*given)

    def _read(self, file: Path, config: RunnableConfig) -> CheckpointTuple:
        kept = pickle.loads(file.read_bytes())  # noqa: S301 - of our own test
        rows = [pickle.loads(write.read_bytes()) for write in (file.parent / file.stem).glob("*.write")]  # noqa: S301
        rows.sort(key=lambda row: writes_sort_key(*row[:3]))
        return CheckpointTuple(
            config=self._config(config, kept["namespace"], file.stem),
            checkpoint=self.serde.loads_typed(kept["checkpoint"]),
            metadata=self.serde.loads_typed(kept["metadata"]),
            parent_config=self._config(config, kept["namespace"], kept["parent"]) if kept["parent"] else None,
            pending_writes=[(task, channel, self.serde.loads_typed(value)) for _, task, _, channel, value in rows],
        )

    def _config(self, config: RunnableConfig, namespace: str, checkpoint_id: str) -> RunnableConfig:
        thread_id = config["configurable"]["thread_id"]
        return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def _write(file: Path, content: Any) -> None:
    """Whole or not at all, whenever the process is killed."""
    unfinished = file.with_name(f"{file.name}.{uuid.uuid4().hex}")  # two threads may write at once
    unfinished.write_bytes(pickle.dumps(content))
    unfinished.rename(file)
