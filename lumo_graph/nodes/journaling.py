"""The journal of one action in the checkpointer: every tool call with effects is stored before its result goes back.

Records are pending writes under task ids that LangGraph does not know and so leaves alone. They belong to the
checkpoint that the node began from: a fork or a run from an earlier one has another, and makes its calls itself.
"""

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from lumo_graph.decisions import Request, Wave
from lumo_graph.errors import DivergenceError, ExecutorError
from lumo_graph.journal import Asked, DivergedError, Path, Record, Replay, Told, digest_args
from lumo_graph.nodes.rebuilding import PastAction, past_actions
from lumo_graph.nodes.records import (
    CALLS,
    DECIDED,
    RESUME,
    SOURCES,
    WAVES,
    BlockingStore,
    LoopStore,
    Store,
    find_place,
)
from lumo_graph.nodes.sourcing import Sourcing
from lumo_graph.nodes.underway import Underway
from lumo_graph.types import Sources, ToolReply, ToolRequest

_BEGUN, _ASKS, _SHOWN = "lumo:begun", "lumo:asks", "lumo:shown"
_APPEARS_SECONDS = 10.0
_OTHERS_SECONDS = 10.0
_PAUSE = 0.002


_underway = Underway()


def _count(answers: Any) -> int:
    return len(cast("list[Any]", answers)) if isinstance(answers, list) else 1


class Journal:
    """Records of the calls of one action, read when it begins, or when the first call comes.

    Args:
        store: where they are.
        name: names the node run.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._lock = threading.Condition()
        self._replay: Replay | None = None
        self._begun: Counter[str] = Counter()
        self._asks: Counter[str] = Counter()
        self._waves: list[dict[str, Any]] = []
        self._answers: dict[int, Any] = {}
        self._shown: list[str] = []
        self._used = 0
        self._outlived: set[str] = set()
        self._told = Told()
        self._drawn: list[dict[str, Any]] = []
        self._sourcing = Sourcing(lambda name, value: store.write(name, SOURCES, value))

    @classmethod
    def of(cls, config: RunnableConfig, loop: asyncio.AbstractEventLoop | None) -> "Journal | None":
        """The journal of a node run; None if its graph stores nothing."""
        place = find_place(config)
        if place is None:
            return None
        store = BlockingStore(place=place) if loop is None else LoopStore(place=place, loop=loop)
        return cls(store, place.name)

    def sources(self) -> Sources:
        """What the action draws random numbers and times from: what it had when it ran before, if it did."""
        with self._lock:
            self._is_there()
            return self._sourcing.begin(self._drawn)

    def past_actions(self, revision: str) -> list[PastAction]:
        """The actions that a namespace follows from, the first one first.

        Raises:
            RestoreError: some of them are not there any more.
            ExecutorError: the checkpoint that this action belongs to is not stored.
        """
        with self._lock:
            if self._replay is None:
                self._wait_until_stored("its variables cannot be made again")
        return past_actions(self._store.history(), revision)

    def hear(self, request: ToolRequest) -> None:
        """A call has come, whatever becomes of it."""
        with self._lock:
            self._sourcing.hear(request.clock_at, request.clock)

    def tell(self, reply: ToolReply) -> None:
        """A call that is not recorded has this reply: what the code does from here on may follow from it."""
        with self._lock:
            if self._sourcing.begun:
                self._told.add(reply)

    def ask(self, request: ToolRequest) -> Asked:
        """Look a call up, from any thread.

        Raises:
            DivergenceError: the action has run before, and made another call here, or has come here in another way.
        """
        with self._lock:
            replay = self._loaded()
            if not request.in_order:
                self._let_others_come(request, replay)
            path = Path(trace=request.trace, told=self._told.digest)
            try:
                return replay.ask(request.name, request.args, in_order=request.in_order, path=path)
            except DivergedError as failure:
                raise DivergenceError(str(failure)) from None
            finally:
                self._lock.notify_all()

    def _let_others_come(self, request: ToolRequest, replay: Replay) -> None:
        # Threads and tasks may draw in another order than before, and so call with other arguments. That such a call is
        # a new one is certain only when all that were made before have come again.
        def is_new() -> bool:
            return not replay.may_repeat(request.name, request.args)

        if not self._lock.wait_for(is_new, _OTHERS_SECONDS):
            raise DivergenceError(
                f"the code ran again, and a thread or a task of it called {request.name}() with arguments that it had "
                f"not called it with before, while a call of {request.name}() that it had made did not come again"
            )

    def knows(self, name: str, args: Mapping[str, Any]) -> bool:
        """Whether the action made or asked about such a call when it ran before, whatever is said of its tool now."""
        with self._lock:
            if not self._is_there() or self._replay is None:
                return False
            if not (self._replay.records or self._waves or self._shown):
                return False
            keys = [*self._replay.records, *self._shown, *(key for wave in self._waves for key in wave["keys"])]
            return any(key.startswith(f"{name}:{digest_args(args)}:") for key in keys)

    def question_about(self, key: str) -> Request | None:
        """What a person was asked about a call, or about the action, when it ran before; None if nobody was asked."""
        with self._lock:
            if not self._is_there():
                return None
            waves = [Wave.from_dict(wave) for wave in self._waves]
        return next(
            (one for wave in waves for known, one in zip(wave.keys, wave.requests, strict=True) if known == key), None
        )

    @property
    def is_asking(self) -> bool:
        """Whether a person was asked when the action ran before, and the answer is not noted."""
        with self._lock:
            return self._is_there() and (len(self._waves) > len(self._answers) or self._is_agent_asking())

    def _is_agent_asking(self) -> bool:
        records = self._replay.records if self._replay is not None else {}
        return bool(self._shown and self._shown[-1]) and self._shown[-1] not in records

    def is_asking_for(self, asked: Asked) -> bool:
        """Whether the question that a person was shown last is one of the agent that this call calls."""
        with self._lock:
            return bool(self._shown) and self._shown[-1] == str(asked.key)

    @property
    def is_asking_itself(self) -> bool:
        """Whether the question that a person was shown last, if any, is one of the action and not of an agent."""
        with self._lock:
            return not (self._is_there() and self._is_agent_asking())

    def show(self, asked: Asked | None) -> None:
        """Note whose question a person is about to be shown: that of the agent that is called; None: the action's."""
        with self._lock:
            self._loaded()
            key = "" if asked is None else str(asked.key)
            if key != (self._shown[-1] if self._shown else ""):
                self._store.write(f"shown:{len(self._shown)}", _SHOWN, {"place": len(self._shown), "key": key})
                self._shown.append(key)

    def keep_sources(self) -> None:
        """Store what the action has drawn from, before anything is done that follows from it."""
        with self._lock:
            self._sourcing.keep()

    def times_begun(self, asked: Asked) -> int:
        """How often a call may have been made before, with nothing known of its end."""
        return self._begun[str(asked.key)] - self._asks[str(asked.key)]

    def begin(self, asked: Asked) -> None:
        """Note that a call is about to be made."""
        key = str(asked.key)
        self._store.write(f"begun:{key}:{self._begun[key]}", _BEGUN, key)

    def asks_itself(self, asked: Asked) -> None:
        """Note that the call that was begun has ended with a question of its own, and is made again with the answer."""
        key = str(asked.key)
        self._store.write(f"asks:{key}:{self._begun[key]}", _ASKS, key)

    def end(self, clock: bytes) -> None:
        """The action is over, and has read these times in all: the rest of what it drew from is stored.

        If its variables cannot be loaded one day, it is run again from there.
        """
        with self._lock:
            self._sourcing.end(clock)

    def make(
        self,
        asked: Asked,
        args: Mapping[str, Any],
        call: Callable[[], ToolReply],
        *,
        in_order: bool,
        edited: Mapping[str, Any] | None = None,
    ) -> tuple[ToolReply, bool]:
        """Make a call once, and store what it returned before the code hears of it.

        Returns:
            The reply, and whether this call has made it; if not, one that still ran has.
        """
        name = self.idempotency_key(asked)

        def find() -> ToolReply | None:
            found = self._find(str(asked.key)) if name in self._outlived else None
            return None if found is None else found.reply

        def record(reply: ToolReply) -> None:
            made = Record.of(asked, args, reply, in_order=in_order, edited=edited)
            self._store.write(str(asked.key), CALLS, made.to_dict())

        return _underway.make(name, call, find=find, record=record)

    def idempotency_key(self, asked: Asked) -> str:
        """Names a call, the same in every run of its action."""
        return f"{self._name}/{asked.key}"

    def question_id(self, place: int) -> str:
        """Names the question at this place, the same in every run of the action, and no other question."""
        return hashlib.sha256(f"{self._name}/question/{place}".encode()).hexdigest()[:32]

    @property
    def records(self) -> list[Record]:
        """Calls that were made before, in their order."""
        with self._lock:
            if not self._is_there() or self._replay is None:
                return []
            return sorted(self._replay.records.values(), key=lambda record: record.place)

    @property
    def left(self) -> list[Record]:
        """Calls that were made before, and that this run has not asked for. Nothing is read for it."""
        with self._lock:
            return [] if self._replay is None else self._replay.left

    @property
    def waves(self) -> list[dict[str, Any]]:
        """What a person was asked before, in order."""
        with self._lock:
            self._loaded()
            return list(self._waves)

    @property
    def used_answers(self) -> int:
        """How many answers LangGraph has handed out to earlier runs of this node; it hands them out again first."""
        with self._lock:
            self._loaded()
            return self._used

    def answer_to(self, place: int) -> Any:
        """What a person has answered to the question at this place; None if it is open."""
        with self._lock:
            self._loaded()
            return self._answers.get(place)

    def add_wave(self, wave: dict[str, Any]) -> None:
        """Note what a person is about to be asked."""
        with self._lock:
            self._loaded()
            self._store.forget_answer()
            self._store.write(f"wave:{len(self._waves)}", WAVES, {**wave, "place": len(self._waves)})
            self._waves.append(wave)

    def add_answer(self, place: int, answer: Any) -> None:
        """Note what a person has answered to the question at this place, before anything is done about it."""
        self._store.write(f"answer:{place}", DECIDED, {"place": place, "answer": answer})

    def forget_answer(self) -> None:
        """Let no answer that was given to an earlier question be taken for one to the next."""
        self._store.forget_answer()

    def _is_there(self) -> bool:
        # Where the checkpoint is not stored yet, nothing is recorded under it either: it need not be waited for.
        return self._replay is not None or self._load()

    def _loaded(self) -> Replay:
        if self._replay is None:
            self._wait_until_stored("its tool calls cannot be recorded")
        assert self._replay is not None  # noqa: S101 - waited for
        return self._replay

    def _load(self) -> bool:
        """Read what is recorded; False if the checkpoint is not stored."""
        # Calls of an earlier run in this process that are still being made may be recorded after this.
        self._outlived = _underway.below(f"{self._name}/")
        writes = self._store.read()
        if writes is not None:
            self._drawn = self._ours(writes, SOURCES)
            self._replay = Replay.of(Record.from_dict(value) for value in self._ours(writes, CALLS))
            self._begun = Counter(self._ours(writes, _BEGUN))
            self._asks = Counter(self._ours(writes, _ASKS))
            self._waves = sorted(self._ours(writes, WAVES), key=lambda wave: wave["place"])
            shown = sorted(self._ours(writes, _SHOWN), key=lambda one: one["place"])
            self._shown = [one["key"] for one in shown]
            self._answers = {one["place"]: one["answer"] for one in self._ours(writes, DECIDED)}
            self._used = next((_count(value) for task, name, value in writes if self._is_used(task, name)), 0)
        return writes is not None

    def _find(self, key: str) -> Record | None:
        found = (Record.from_dict(value) for value in self._ours(self._store.read() or [], CALLS))
        return next((record for record in found if record.key == key), None)

    def _is_used(self, task: str, channel: str) -> bool:
        return channel == RESUME and task == self._name.rpartition("/")[2]

    def _ours(self, writes: list[tuple[str, str, Any]], channel: str) -> list[Any]:
        # Branches of a fan-out share a checkpoint.
        ours = f"{self._name.rpartition('/')[2]}:"
        return [value for task, name, value in writes if name == channel and task.startswith(ours)]

    def _wait_until_stored(self, otherwise: str) -> None:
        # With durability "async" the checkpoint may still be on its way; if the process died now, the run would go on
        # from another one, and nobody would find what is recorded under this.
        until = time.monotonic() + _APPEARS_SECONDS
        while not self._load():
            if time.monotonic() > until:
                raise ExecutorError(
                    f"The checkpoint that this action belongs to was not stored, so {otherwise}. "
                    "Use durability='sync' or 'async', and no checkpointer=False."
                )
            time.sleep(_PAUSE)
