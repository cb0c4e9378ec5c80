"""The checkpoints of a thread, and how a person names one of them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from lumo_graph.checkpoints.deltas import agent_channels
from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.checkpoints.threads import is_asking, next_nodes, no_thread
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors.components import is_about_others

AGENT_NODES = frozenset(
    ("prepare", "plan", "generate_code", "execute", "call_model", "call_tools", "observe", "self_debug", "answer")
)
"""By which the threads of an agent are told from those of a graph around it, which may have no other channels."""
_BRANCH = "branch:to:"
_MOST_NAMED = 5
_MOST_DIGITS = 6
"""Longer numbers are taken for the beginning of an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSummary:
    """A checkpoint, and where the thread stood then."""

    number: int
    """How many nodes had run in the thread, its input counted as one. Branches of one thread count on from where they
    leave, so there a number may stand for several checkpoints."""
    checkpoint_id: str
    parent_id: str | None
    """The checkpoint it came from; None for the first, and for the oldest that pruning has left."""
    created_at: str
    """ISO 8601."""
    source: str
    """What made it: `input`, `loop` (a node), `update`, or `fork`."""
    next: tuple[str, ...]
    """The nodes that run from here on; none if the run had ended."""
    task: str
    steps: int
    """That the run had made."""
    outcome: str | None
    """None: the run had not ended."""
    waiting: bool
    """A person is asked here, and has not answered."""
    changed: tuple[str, ...]
    """Variables, or groups of them, that the node before it has changed or removed."""


def list_checkpoints(checkpointer: str | Checkpointer, thread_id: str) -> list[CheckpointSummary]:
    """The checkpoints of a thread, the newest first.

    Args:
        checkpointer: the store, as a URL or a LangGraph checkpointer; from an event loop see `alist_checkpoints`.
        thread_id: the thread, of an agent of this library.

    Raises:
        ConfigurationError: there is no such thread, or it is another graph's.
    """
    with open_checkpointer(checkpointer, must_exist=True) as opened:
        return read_history(needed(opened), thread_id)


async def alist_checkpoints(checkpointer: str | Checkpointer, thread_id: str) -> list[CheckpointSummary]:
    """`list_checkpoints` from an event loop."""
    return await asyncio.to_thread(list_checkpoints, checkpointer, thread_id)


def needed(saver: Checkpointer | None) -> Checkpointer:
    """The saver, where one was given."""
    if saver is None:
        raise ConfigurationError("A checkpointer is needed, such as 'sqlite:///runs.db', not None.")
    return saver


def read_history(saver: Checkpointer, thread_id: str) -> list[CheckpointSummary]:
    """`list_checkpoints` of an opened store."""
    found: list[CheckpointSummary] = []
    changed: dict[str, tuple[str, ...]] = {}
    for stored in saver.list(_place(thread_id)):  # one at a time: all variables of all steps may not fit into memory
        _check_graph(stored, thread_id)
        found.append(_summary(stored))
        changed[found[-1].checkpoint_id] = tuple(_changed(stored.pending_writes or ()))
    if not found:
        raise no_thread(saver, thread_id)
    parents = {one.parent_id for one in found}
    return [
        replace(
            one,
            waiting=one.waiting and one.checkpoint_id not in parents,
            # What a node has written is stored with the checkpoint that it began from.
            changed=changed.get(one.parent_id or "", ()) if one.source == "loop" else (),
        )
        for one in found
    ]


def find_checkpoint(history: Sequence[CheckpointSummary], named: str, thread_id: str) -> CheckpointSummary:
    """The checkpoint that a person means. Pure.

    Args:
        history: of the thread.
        named: an id, the beginning of one that no other has, or a number.
        thread_id: the thread, for what the error says.

    Raises:
        ConfigurationError: there is none, or several; says which there are.
    """
    named = named.strip()
    found = [one for one in history if one.checkpoint_id == named]
    if not found and named.isdecimal() and len(named) <= _MOST_DIGITS:
        found = [one for one in history if one.number == int(named)]
    if not found and named:
        found = [one for one in history if one.checkpoint_id.startswith(named)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"{named!r} stands for several checkpoints of thread {thread_id!r}: {_listed(found)}. Give more of the id."
        )
    raise ConfigurationError(
        f"Thread {thread_id!r} has no checkpoint {named!r}. It has: {_listed(history)}. "
        f"`lumo history {thread_id}` lists them."
    )


def read_checkpoint(saver: Checkpointer, thread_id: str, checkpoint_id: str) -> CheckpointTuple:
    """One checkpoint with all that it holds."""
    stored = saver.get_tuple(_place(thread_id, checkpoint_id=checkpoint_id))
    if stored is None:
        raise ConfigurationError(f"The checkpoint {checkpoint_id!r} of thread {thread_id!r} is gone.")
    return stored


def _place(thread_id: str, **more: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **more}}


def _listed(found: Sequence[CheckpointSummary]) -> str:
    named = ", ".join(f"{one.number} ({one.checkpoint_id})" for one in found[:_MOST_NAMED])
    return named if len(found) <= _MOST_NAMED else f"{named} and {len(found) - _MOST_NAMED} more"


def _check_graph(stored: CheckpointTuple, thread_id: str) -> None:
    strange = sorted(name for name in stored.checkpoint["channel_versions"] if not _is_agents(name))
    if strange:
        strange = [name for name in strange if not name.startswith(_BRANCH)] or strange
        raise ConfigurationError(
            f"Thread {thread_id!r} is of another graph: it has {', '.join(strange[:_MOST_NAMED])}. "
            "Ask that graph for its get_state_history."
        )


def _is_agents(channel: str) -> bool:
    to = channel.removeprefix(_BRANCH)
    return to in AGENT_NODES if to != channel else channel in agent_channels() or channel.startswith("__")


def _id(config: RunnableConfig | None) -> str | None:
    return (config or {}).get("configurable", {}).get("checkpoint_id")


def _summary(stored: CheckpointTuple) -> CheckpointSummary:
    values, metadata = stored.checkpoint["channel_values"], stored.metadata
    run, counters = (
        cast("dict[str, Any]", values.get("run") or {}),
        cast("dict[str, Any]", values.get("counters") or {}),
    )
    following = next_nodes(stored)
    return CheckpointSummary(
        number=int(metadata.get("step", -1)) + 1,
        checkpoint_id=str(_id(stored.config)),
        parent_id=_id(stored.parent_config),
        created_at=stored.checkpoint["ts"],
        source=str(metadata.get("source", "")),
        next=following,
        task=str(run.get("task", "")),
        steps=int(counters.get("steps", 0)),
        outcome=values.get("outcome") if run.get("closing") and not following else None,
        waiting=is_asking(stored),
        changed=(),
    )


def _changed(writes: Iterable[tuple[str, str, Any]]) -> list[str]:
    """What a node has written of the variables: groups that are stored together, and those that are not stored."""
    groups: list[str] = []
    described: list[str] = []
    for _, channel, value in writes:
        if channel == "namespace":
            groups += [name for name, blob in value.items() if blob is not None and not is_about_others(name)]
        elif channel == "variables":
            described += value
    grouped = {name for group in groups for name in group.split(", ")}
    return sorted({*groups, *(name for name in described if name not in grouped)})
