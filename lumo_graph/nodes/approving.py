"""Calls of one action that wait for a person. Those that wait when nothing else can go on are asked about together."""

import itertools
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt, is_invalid_resume
from langgraph.types import interrupt

from lumo_graph.approvals import Rule, request_for
from lumo_graph.decisions import PYTHON, Decision, Request, Wave, answer_schema, decisions_in, decisions_of, question
from lumo_graph.journal import Asked
from lumo_graph.nodes.journaling import Journal
from lumo_graph.nodes.scratchpad import without_answers

_SETTLED_SECONDS = 0.05
"""Without a new call for this long, and nothing running, no other call is expected to join the wave."""


class Approvals:
    """Decides about the calls of one action, from the threads that make them.

    LangGraph hands answers out by the order of the questions, and may lose the newest in a crash. So every answer is
    journaled before anything is done about it, and LangGraph is asked for the one to the open question only.

    Args:
        rules: by the name of the tool.
        journal: of the action.
        code: of the action; None for function calls.
        expected: calls that are known to come; then a wave need not wait for others.
        agent: by which name it was called, if it was called by another one.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        journal: Journal | None,
        *,
        code: str | None = None,
        expected: int | None = None,
        agent: str | None = None,
    ) -> None:
        self._rules = rules
        self._journal = journal
        self._code = code
        self._expected = expected
        self._agent = agent
        self._changed = threading.Condition()
        self._waiting: dict[str, Request] = {}
        self._decided: dict[str, Decision] = {}
        self._made: list[str] = []
        self._running = 0
        self._last = 0.0
        self._recalled = False
        self._is_own: bool | None = None
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

    def asked_before(self, key: str) -> Request | None:
        """What was asked when the action ran before. It stays asked, even if no rule asks for it any more."""
        return None if self._journal is None else self._journal.question_about(key)

    def decide(self, key: str, request: Request) -> Decision:
        """Wait for the decision about a call.

        Args:
            key: names the question, the same in every run of the action.
            request: what is asked.

        Raises:
            GraphInterrupt: a person has to be asked; the run goes on with the answer, later.
        """
        assert self._journal is not None  # noqa: S101 - nothing waits without a checkpointer
        with self._changed:
            if self._failure is not None:
                raise self._failure
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

    def decide_about_code(self, code: str) -> Decision | None:
        """The decision about the whole action; None if nobody needs to be asked.

        Raises:
            GraphInterrupt: a person has to be asked.
        """
        request = request_for(self._rules.get(PYTHON), PYTHON, {"code": code}) or self.asked_before(PYTHON)
        if request is None:
            return None
        assert self._journal is not None  # noqa: S101 - nothing waits without a checkpointer
        with self._changed:
            self._recall(self._journal)
            if PYTHON not in self._decided:
                self._waiting[PYTHON] = request
                self._ask(self._journal)
            decision = self._decided[PYTHON]
        if decision.edited_action is not None:
            self._code = str(decision.edited_action.args["code"])  # what later questions are about
        return decision

    def show(self, question: GraphInterrupt, asked: Asked | None) -> GraphInterrupt:
        """The one question that a person is shown now: this one, unless there is another already.

        Args:
            question: of an agent, or of a tool that asks by itself.
            asked: the call of the agent; None for a tool.
        """
        with self._changed:
            if not isinstance(self._failure, GraphInterrupt):
                if self._journal is not None:
                    self._journal.show(asked)
                self._failure = question
                self._changed.notify_all()
            return self._failure

    def forget_answer(self) -> None:
        """A tool asks a person by itself: the answer is for it alone."""
        if self._journal is not None:
            self._journal.forget_answer()

    def _is_settled(self) -> bool:
        if self._running > 0:
            return False
        if self._expected is not None and len(self._waiting) + len(self._made) >= self._expected:
            return True
        return time.monotonic() - self._last >= _SETTLED_SECONDS

    def _recall(self, journal: Journal) -> None:
        """Take up what an earlier run has asked: what was answered is known, and the last question may be open."""
        if self._recalled:
            return
        self._recalled = True
        for place, data in enumerate(journal.waves):
            wave = Wave.from_dict(data)
            answer = journal.answer_to(place)
            if answer is None:
                _skip_answers(journal.used_answers)
                self._settle(journal, wave, place)
            else:
                self._decide(wave, decisions_of(answer))
        # What is left was given to no question of ours, and must not answer the next one.
        with self._own_answers(journal):
            _skip_answers()

    def _ask(self, journal: Journal) -> None:
        keys, requests = tuple(self._waiting), tuple(self._waiting.values())
        place = len(journal.waves)
        name = journal.question_id(place)
        asked = question(requests, question_id=name, code=self._code, calls_before=self._made, agent=self._agent)
        wave = Wave(keys=keys, requests=requests, question=asked)
        journal.add_wave(wave.to_dict())
        self._settle(journal, wave, place)
        for key in keys:
            self._waiting.pop(key, None)
        self._changed.notify_all()

    def _settle(self, journal: Journal, wave: Wave, place: int) -> None:
        try:
            with self._own_answers(journal):
                answer = interrupt(wave.question, response_schema=answer_schema(wave.requests))
            journal.add_answer(place, answer.model_dump())
        except BaseException as failure:
            if is_invalid_resume(failure):
                journal.forget_answer()  # else it would be taken up by every run from here on, and fit no better
            elif isinstance(failure, GraphInterrupt):
                journal.show(None)
            self._failure = failure
            self._changed.notify_all()
            raise
        self._decide(wave, decisions_in(answer))

    def _own_answers(self, journal: Journal) -> AbstractContextManager[None]:
        """Let nothing be taken for an answer to the action that a person has given to an agent."""
        if self._is_own is None:
            self._is_own = journal.is_asking_itself  # as it was when the action began
        return nullcontext() if self._is_own else _no_answers()

    def _decide(self, wave: Wave, decisions: Sequence[Decision]) -> None:
        self._decided.update(zip(wave.keys, decisions, strict=True))


@contextmanager
def _no_answers() -> Generator[None, None, None]:
    config = get_config()
    given = {**config, "configurable": without_answers(config.get("configurable", {}))}
    token = var_child_runnable_config.set(cast("RunnableConfig", given))
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _skip_answers(count: int | None = None) -> None:
    """Let LangGraph hand out answers that nobody needs: as many as these, or all that it has."""
    with suppress(GraphInterrupt):
        for _ in itertools.count() if count is None else range(count):
            interrupt(None)
