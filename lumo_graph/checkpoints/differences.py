"""What two checkpoints of a thread differ in: variables and files.

Variables are compared by the bytes that are stored of them. Nothing of what came from a session is loaded.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from lumo_graph.checkpoints.deltas import value_of, whole_values
from lumo_graph.checkpoints.history import CheckpointSummary, find_checkpoint, needed, read_checkpoint, read_history
from lumo_graph.checkpoints.opening import Checkpointer, open_checkpointer
from lumo_graph.executors.components import is_about_others, names_in
from lumo_graph.types import Change

_CHANNELS = ("namespace", "variables", "artifacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A variable or a file, as it is at one of the two checkpoints."""

    text: str | None
    """What its session said of a variable: its value if that is short, else its type and size. None for a file."""
    size: int | None
    """Bytes that are stored, of all variables together that share objects with it; None: it is not stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A variable or a file that is not the same at both checkpoints."""

    name: str
    change: Change
    before: Item | None
    """None if it was added."""
    after: Item | None
    """None if it was removed."""
    shares: tuple[str, ...] = ()
    """Variables that it shares objects with: they are stored together, and count as changed together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadDifference:
    """What turns one checkpoint into another."""

    thread_id: str
    a: CheckpointSummary
    b: CheckpointSummary
    variables: tuple[Difference, ...]
    files: tuple[Difference, ...]
    """Of the working directory of the thread's code."""


def diff_thread(checkpointer: str | Checkpointer, thread_id: str, a: str, b: str) -> ThreadDifference:
    """What has changed between two checkpoints of a thread.

    Args:
        checkpointer: the store, as a URL or a LangGraph checkpointer; from an event loop see `adiff_thread`.
        thread_id: the thread.
        a: the checkpoint to begin with: an id, the beginning of one, or the number in the thread's history.
        b: the other one, in the same form. It may be the earlier one.

    Raises:
        ConfigurationError: there is no such thread or checkpoint.
    """
    with open_checkpointer(checkpointer, must_exist=True) as opened:
        saver = needed(opened)
        history = read_history(saver, thread_id)
        ends = [find_checkpoint(history, named, thread_id) for named in (a, b)]
        seen = [_read(saver, read_checkpoint(saver, thread_id, end.checkpoint_id)) for end in ends]
    return ThreadDifference(
        thread_id=thread_id,
        a=ends[0],
        b=ends[1],
        variables=tuple(_differences(seen[0].variables, seen[1].variables)),
        files=tuple(_differences(seen[0].files, seen[1].files)),
    )


async def adiff_thread(checkpointer: str | Checkpointer, thread_id: str, a: str, b: str) -> ThreadDifference:
    """`diff_thread` from an event loop."""
    return await asyncio.to_thread(diff_thread, checkpointer, thread_id, a, b)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Something with a name, with the bytes that tell whether it is the same."""

    item: Item
    content: bytes | None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What a checkpoint holds, by name."""

    variables: Mapping[str, _Seen] = field(default_factory=dict[str, _Seen])
    files: Mapping[str, _Seen] = field(default_factory=dict[str, _Seen])


def _read(saver: Checkpointer, stored: CheckpointTuple) -> _Sight:
    values = {**stored.checkpoint["channel_values"], **whole_values(saver, stored, _CHANNELS)}
    files: Mapping[str, bytes] = value_of(values.get("artifacts", {}))
    return _Sight(
        variables=_variables(value_of(values.get("namespace", {})), value_of(values.get("variables", {}))),
        files={name: _Seen(item=Item(text=None, size=len(blob)), content=blob) for name, blob in files.items()},
    )


def _variables(namespace: Mapping[str, bytes], described: Mapping[str, str]) -> dict[str, _Seen]:
    found = {name: _Seen(item=Item(text=text, size=None), content=None) for name, text in described.items()}
    for component_id, blob in namespace.items():
        if is_about_others(component_id):
            continue
        names = names_in(component_id, blob)
        for name in names:
            item = Item(text=described.get(name), size=len(blob))
            found[name] = _Seen(item=item, content=blob, shares=tuple(one for one in names if one != name))
    return found


def _differences(before: Mapping[str, _Seen], after: Mapping[str, _Seen]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if _key(was) != _key(now):
            yield Difference(
                name=name,
                change="added" if was is None else "removed" if now is None else "changed",
                before=was and was.item,
                after=now and now.item,
                shares=() if now is None else now.shares,
            )


def _key(seen: _Seen | None) -> Any:
    return None if seen is None else (seen.content, seen.item.text)
