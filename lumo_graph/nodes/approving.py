"""Calls of one action that wait for a person. Those that wait when nothing else can go on are asked about together."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.types import interrupt

from lumo_graph.approvals import Decision, Request, Rule, Wave, answer_schema, decisions_in, question, request_for
from lumo_graph.journal import Asked
from lumo_graph.nodes.journaling import Journal

_SETTLED_SECONDS = 0.05
"""Without a new call for this long, and nothing running, no other call is expected to join the wave."""


class Approvals:
    """Decides about the calls of one action, from the threads that make them.

    LangGraph hands answers out by the order of the questions. So what was asked in an earlier run of the action is
    asked again, in its order, before anything new is.

    Args:
        rules: by the name of the tool.
        journal: of the action.
        code: of the action; None for function calls.
        expected: calls that are known to come; then a wave need not wait for others.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        journal: Journal | None,
        *,
        code: str | None = None,
        expected: int | None = None,
    ) -> None:
        self._rules = rules
        self._journal = journal
        self._code = code
        self._expected = expected
        self._changed = threading.Condition()
        self._waiting: dict[str, Request] = {}
        self._decided: dict[str, Decision] = {}
        self._made: list[str] = []
        self._running = 0
        self._last = 0.0
        self._recalled = False
        self._failure: BaseException | None = None

    @property
    def has_rules(self) -> bool:
        """Whether any call may have to wait."""
        return bool(self._rules)

    def begin(self) -> None:
        """A call has come."""
        with self._changed:
            self._running += 1
            self._last = time.monotonic()

    def end(self, text: str) -> None:
        """A call has returned."""
        with self._changed:
            self._running -= 1
            self._made.append(text)
            self._changed.notify_all()

    def request_for(self, name: str, args: Mapping[str, Any], *, line: int | None) -> Request | None:
        """What is to be asked about a call; None if it need not wait."""
        return request_for(self._rules.get(name), name, args, line=line)

    def decide(self, asked: Asked, request: Request) -> Decision:
        """Wait for the decision about a call.

        Raises:
            GraphInterrupt: a person has to be asked; the run goes on with the answer, later.
        """
        assert self._journal is not None  # noqa: S101 - nothing waits without a checkpointer
        key = str(asked.key)
        with self._changed:
            self._recall(self._journal)
            if key in self._decided:
                return self._decided[key]
            self._waiting[key] = request
            self._running -= 1
            self._last = time.monotonic()
            self._changed.notify_all()
            try:
                while key not in self._decided:
                    if self._failure is not None:
                        raise self._failure
                    if self._is_settled():
                        self._ask(self._journal)
                    else:
                        self._changed.wait(_SETTLED_SECONDS / 2)
            finally:
                self._running += 1
                self._waiting.pop(key, None)
            return self._decided[key]

    def note_own_question(self) -> None:
        """A tool is about to ask a person by itself: what comes later must be asked after it."""
        if self._journal is not None:
            self._journal.add_wave(Wave(keys=()).to_dict())

    def _is_settled(self) -> bool:
        if self._running > 0:
            return False
        if self._expected is not None and len(self._waiting) + len(self._made) >= self._expected:
            return True
        return time.monotonic() - self._last >= _SETTLED_SECONDS

    def _recall(self, journal: Journal) -> None:
        if self._recalled:
            return
        self._recalled = True
        for data in journal.waves:
            wave = Wave.from_dict(data)
            if wave.keys:
                self._settle(wave)
            else:
                interrupt(None)

    def _ask(self, journal: Journal) -> None:
        keys, requests = tuple(self._waiting), tuple(self._waiting.values())
        asked = question(requests, code=self._code, calls_before=self._made)
        wave = Wave(keys=keys, requests=requests, question=asked)
        journal.add_wave(wave.to_dict())
        self._settle(wave)
        for key in keys:
            self._waiting.pop(key, None)
        self._changed.notify_all()

    def _settle(self, wave: Wave) -> None:
        try:
            answer = interrupt(wave.question, response_schema=answer_schema(wave.requests))
        except BaseException as failure:
            self._failure = failure
            self._changed.notify_all()
            raise
        self._decided.update(zip(wave.keys, decisions_in(answer), strict=True))


def ask_about_code(rule: Rule | None, code: str, calls_before: Sequence[str] = ()) -> Decision | None:
    """The decision about a whole code action; None if nobody needs to be asked.

    Raises:
        GraphInterrupt: a person has to be asked.
    """
    request = request_for(rule, "python_interpreter", {"code": code})
    if request is None:
        return None
    asked = question([request], code=code, calls_before=calls_before)
    return decisions_in(interrupt(asked, response_schema=answer_schema([request])))[0]
