"""The last way to bring variables back: run the recorded actions of a thread again, from its first.

For a namespace that no session can load any more. The history of the checkpoints holds the code of every action, what
it drew from and what its calls returned. No call that leaves something in the world is made for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointTuple

from lumo_graph.dialects import RunCode, action_from_dict
from lumo_graph.errors import RestoreError
from lumo_graph.journal import DivergedError, Record, Replay
from lumo_graph.nodes.records import CALLS, SOURCES
from lumo_graph.nodes.sourcing import sources_of
from lumo_graph.tools import Effects
from lumo_graph.types import Session, Sources, ToolReply, ToolRequest

Call = Callable[[str, Mapping[str, Any]], ToolReply]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """A code action of the thread whose variables are still there."""

    code: str
    error: str | None
    """Class name of the exception it ended with."""
    records: tuple[Record, ...] = ()
    sources: Sources | None = None


def past_actions(history: Sequence[CheckpointTuple], revision: str) -> list[PastAction]:
    """The actions that a namespace follows from, the first one first.

    Args:
        history: checkpoints from the newest to the first.
        revision: of the namespace.

    Raises:
        RestoreError: some of them are not there any more.
    """
    found: list[PastAction] = []
    wanted = revision
    for stored in history:
        task, written = _written_by_action(stored)
        before = _values(stored).get("revision") or ""
        if task is None or written["execution"]["rolled_back"] or written["revision"] != wanted:
            continue
        found.append(_past_action(stored, task, written))
        wanted = before
    if wanted:
        raise RestoreError("the history of the thread does not go back to its first action")
    return found[::-1]


def _written_by_action(stored: CheckpointTuple) -> tuple[str | None, dict[str, Any]]:
    """What the action that came after a checkpoint has written, if one did, and its task."""
    writes = stored.pending_writes or ()
    for task, channel, value in writes:
        if channel == "execution" and value is not None:
            of_task = {name: one for owner, name, one in writes if owner == task}
            if "revision" in of_task:  # else nothing was run
                return task, of_task
    return None, {}


def _past_action(stored: CheckpointTuple, task: str, written: Mapping[str, Any]) -> PastAction:
    action = action_from_dict(written.get("action") or _values(stored).get("action") or {})
    if not isinstance(action, RunCode):
        raise RestoreError("the code of one of its actions is not there any more")
    journal = [one for one in stored.pending_writes or () if one[0].startswith(f"{task}:")]
    error = written["execution"]["error"]
    return PastAction(
        code=action.code,
        error=None if error is None else error["kind"],
        records=tuple(Record.from_dict(value) for _, channel, value in journal if channel == CALLS),
        sources=sources_of([value for _, channel, value in journal if channel == SOURCES]),
    )


def _values(stored: CheckpointTuple) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", stored.checkpoint["channel_values"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilder:
    """Runs past actions again, in a session that is new."""

    session: Session
    seconds: float
    """For each of them."""
    call: Call
    """Makes a call that has no effects."""
    effects_of: Callable[[str], Effects | None]
    deterministic: bool
    """The session can be given sources."""

    def run(self, actions: Sequence[PastAction]) -> Mapping[str, str]:
        """Run them all.

        Returns:
            The variables that exist now, each with its description.

        Raises:
            RestoreError: one of them cannot be run again, or does not do what it did.
        """
        variables: Mapping[str, str] = {}
        for number, action in enumerate(actions, start=1):
            more: dict[str, Any] = {"sources": action.sources} if self.deterministic and action.sources else {}
            serve = _Server(Replay.of(action.records), number, self).serve
            execution = self.session.execute(action.code, seconds=self.seconds, serve=serve, **more)
            ended = None if execution.error is None else execution.error.kind
            if execution.rolled_back or ended != action.error:
                was, now = action.error or "no error", ended or "no error"
                raise RestoreError(f"action {number} of the thread had ended with {was}, and now it ended with {now}")
            variables = execution.variables
        return variables


class _Server:
    """Gives the calls of one past action what they returned."""

    def __init__(self, replay: Replay, number: int, rebuilder: Rebuilder) -> None:
        self._replay = replay
        self._number = number
        self._rebuilder = rebuilder
        self._recorded = {record.name for record in replay.records.values()}

    def serve(self, request: ToolRequest) -> ToolReply:
        effects = self._rebuilder.effects_of(request.name)
        if effects is not None and effects.none and request.name not in self._recorded:
            return self._rebuilder.call(request.name, request.args)
        try:
            record = self._replay.ask(request.name, request.args, in_order=request.in_order).record
        except DivergedError as failure:
            raise RestoreError(f"in action {self._number} of the thread {failure}") from None
        if record is None:
            raise RestoreError(
                f"action {self._number} of the thread calls {request.name}(), which leaves effects, and what it "
                "returned is not recorded: it would have to be made again, and was not"
            )
        return record.reply


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What to tell of variables that were rebuilt: name to how it differs, as far as descriptions show."""
    told = {name: "it was not made when its code ran again" for name in before if name not in after}
    for name, text in before.items():
        if after.get(name, text) != text:
            told[name] = f"its code ran again, and gave {after[name]} where it had given {text}"
    return told
