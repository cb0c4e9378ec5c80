"""What the events of a run look like to a person: blocks of text in order. Pure; the views only print them."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lumo_graph.cli.printable import head, one_line, printable
from lumo_graph.cli.questions import question_text
from lumo_graph.cli.replies import Reply
from lumo_graph.events import (
    Answered,
    Approval,
    Code,
    Debug,
    Event,
    Observation,
    Output,
    Plan,
    StepEnded,
    Token,
    ToolEnded,
    ToolStarted,
)
from lumo_graph.types import Isolation, Usage

Kind: TypeAlias = Literal["thought", "plan", "code", "call", "output", "observation", "debug", "step", "answer", "end"]

_MOST_CALLS = 12
_MOST_OUTPUT = 60
_LINES_WHEN_OK = 6
_LINES_WHEN_FAILED = 24
_OUTCOMES = {
    "answered": "answered",
    "max_steps": "stopped: the limit of steps is reached",
    "max_debug_attempts": "stopped: the limit of repairs in a row is reached",
    "budget": "stopped: the budget is used up",
    "interrupted": "interrupted",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something to print. Its text is safe for a terminal."""

    kind: Kind
    text: str
    ok: bool = True
    note: str = ""
    """What stands beside the text: the step of a piece of code, the time of a call, the language of an answer."""


class Transcript:
    """Turns events into blocks, leaves out what was shown already, and knows what the run is doing now.

    Args:
        clock: seconds that only grow; for the length of the run.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._reply = Reply()
        self._replied = False
        self._doing = "waiting for the model"
        self._since = self._began
        self._running: dict[tuple[str | None, str], ToolStarted] = {}
        self._printed: dict[str, str] = {}
        self._line = ""
        self._output_lines = 0
        self._calls = 0
        self._code = False
        self._observed = ""
        self._last_step = 0
        self._readers: Mapping[type[Event], Callable[[Any], Iterator[Block]]] = {
            Token: self._token,
            Plan: self._plan,
            Code: self._begin,
            Output: self._output,
            ToolStarted: self._call_begin,
            ToolEnded: self._call_end,
            Observation: self._observation,
            Debug: self._debug,
            Approval: self._approval,
            StepEnded: self._step,
            Answered: self._answer,
        }

    @property
    def doing(self) -> str:
        """What the run is doing now, with the seconds it has been at it."""
        return f"{self._doing} · {self._clock() - self._since:.0f} s"

    @property
    def partial(self) -> str:
        """The line that the model or the code is in the middle of."""
        return printable(self._line or self._reply.partial)

    def read(self, event: Event) -> Iterator[Block]:
        """The blocks an event adds."""
        if not isinstance(event, Output):
            yield from self._end_output()
        if not isinstance(event, Token):
            yield from self._end_reply()
        yield from self._readers[type(event)](event)

    def _now(self, doing: str) -> None:
        if doing != self._doing:
            self._doing, self._since = doing, self._clock()

    # -- the model's reply ---------------------------------------------------------------------------------------

    def _token(self, event: Token) -> Iterator[Block]:
        if self._replied:
            self._reply, self._replied = Reply(), False
        for line in self._reply.feed(event.text):
            yield Block(kind="thought", text=printable(line))
        self._now("the model is writing code" if self._reply.in_code else "the model is writing")

    def _end_reply(self) -> Iterator[Block]:
        self._replied = True
        for line in self._reply.end():
            yield Block(kind="thought", text=printable(line))

    def _was_said(self, text: str) -> bool:
        return bool(text.strip()) and text.strip() == self._reply.prose

    def _plan(self, event: Plan) -> Iterator[Block]:
        self._now("waiting for the model")
        shown = self._was_said(event.text)
        yield Block(kind="plan", text="" if shown else printable(event.text).strip("\n"))

    # -- what the action does ------------------------------------------------------------------------------------

    def _begin(self, event: Code) -> Iterator[Block]:
        self._code = self._code or event.agent is None
        self._now(f"running the code{f' of {event.agent}' if event.agent else ''}")
        note = f"{_whose(event.agent)}step {event.step}"
        yield Block(kind="code", text=printable(event.code).strip("\n"), note=note)

    def _output(self, event: Output) -> Iterator[Block]:
        if event.agent is None:  # what others print is not in the observation
            self._printed[event.stream] = self._printed.get(event.stream, "") + event.text
        *complete, self._line = (self._line + event.text).split("\n")
        for line in complete:
            yield from self._output_line(line)

    def _end_output(self) -> Iterator[Block]:
        line, self._line = self._line, ""
        if line:
            yield from self._output_line(line)

    def _output_line(self, line: str) -> Iterator[Block]:
        self._output_lines += 1
        if self._output_lines <= _MOST_OUTPUT:
            yield Block(kind="output", text=printable(line))

    def _call_begin(self, event: ToolStarted) -> Iterator[Block]:
        self._running[event.agent, event.call_id] = event
        self._now(f"running {_whose(event.agent)}{one_line(event.name, 60)}")
        yield from ()

    def _call_end(self, event: ToolEnded) -> Iterator[Block]:
        started = self._running.pop((event.agent, event.call_id), None)
        self._now("running the code" if self._code else "waiting for the tools")
        self._calls += 1
        if self._calls <= _MOST_CALLS or not event.ok:
            args = event.edited or (started.args if started else {})
            edited = " (edited)" if event.edited is not None else ""
            call = one_line(f"{_whose(event.agent)}{event.name}({_arguments(args)}){edited}", 90)
            result = one_line(event.preview, 60)
            text = f"{call} -> {result}" if event.ok else f"{call} failed: {result}"
            yield Block(kind="call", text=text, ok=event.ok, note=duration(event.seconds))

    # -- how it ends ---------------------------------------------------------------------------------------------

    def _approval(self, event: Approval) -> Iterator[Block]:
        self._now("waiting for a decision")
        yield Block(kind="observation", text=question_text(event.request), ok=False)

    def _observation(self, event: Observation) -> Iterator[Block]:
        self._observed = event.text
        if self._output_lines > _MOST_OUTPUT:
            yield Block(kind="output", text=f"… {self._output_lines - _MOST_OUTPUT} more lines")
        if self._calls > _MOST_CALLS:
            yield Block(kind="call", text=f"… {self._calls} calls in all")
        if event.ok and self._calls and not self._code:
            return  # the results of the calls were shown
        news = self._unseen(event.text)
        if news and not (event.ok and news.startswith("answer given (")):
            most = _LINES_WHEN_OK if event.ok else _LINES_WHEN_FAILED
            yield Block(kind="observation", text=head(news, most), ok=event.ok)

    def _unseen(self, text: str) -> str:
        """The observation without the output that was shown while it was printed."""
        text = text.removeprefix("Observation:\n")
        for stream in ("stdout", "stderr"):
            if printed := self._printed.get(stream, "").strip("\n"):
                text = text.removeprefix(f"{stream}:\n{printed}").lstrip("\n")
        return text.strip("\n")

    def _debug(self, event: Debug) -> Iterator[Block]:
        brief = event.text.removeprefix(self._observed).replace("\n\n", "\n")
        yield Block(kind="debug", text=head(brief, _LINES_WHEN_FAILED))

    def _step(self, event: StepEnded) -> Iterator[Block]:
        step = event.step
        if step.thought and not self._reply.prose:
            yield Block(kind="thought", text=printable(step.thought))
        parts = [f"step {step.number}"]
        if step.calls:
            parts.append(plural(len(step.calls), "tool call"))
        parts.append(f"failed with {one_line(step.error, 60)}" if step.error else "")
        parts.append(duration(step.seconds) if step.code or step.calls else "")
        yield Block(kind="step", text=" · ".join(part for part in parts if part), ok=step.error is None)
        self._last_step = step.number
        self._printed, self._output_lines, self._calls, self._code = {}, 0, 0, False
        self._now("waiting for the model")

    def _answer(self, event: Answered) -> Iterator[Block]:
        result = event.result
        if result.answer is not None and not self._was_said(str(result.answer)):
            text, language = _readable(result.answer)
            yield Block(kind="answer", text=text, note=language)
        parts = [
            _OUTCOMES.get(result.outcome, printable(result.outcome)),
            plural(len(result.steps) or self._last_step, "step"),
            *_usage(result.usage),
            duration(self._clock() - self._began),
            *_shortfall(result.isolation),
        ]
        if result.artifacts:
            names = one_line(", ".join(artifact.name for artifact in result.artifacts), 300)
            yield Block(kind="end", text=f"files made: {names}")
        yield Block(kind="end", text=" · ".join(parts), ok=result.outcome == "answered")


def duration(seconds: float) -> str:
    """A time as a person reads it: `3 ms`, `0.52 s`, `14 s`."""
    if seconds < 0.1:  # noqa: PLR2004 - below a tenth, milliseconds read better
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - same, with two digits


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 step`, `2 steps`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _arguments(args: Mapping[str, Any]) -> str:
    # Text comes as itself, lists and the like as their repr: text gets its quotes back.
    shown = {name: repr(value) if _is_text(value) else value for name, value in args.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not value.startswith(("[", "{", "(", "'", '"'))


def _usage(usage: Usage) -> Iterator[str]:
    if usage.model_calls:
        yield plural(usage.model_calls, "model call")
    if usage.total_tokens:
        yield f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    if usage.cost is not None:
        yield f"cost {usage.cost:.4f}"


def _shortfall(isolation: Isolation | None) -> Iterator[str]:
    if isolation is not None and isolation.tier != "full":
        yield f"isolation: {isolation.tier}"


def _readable(answer: Any) -> tuple[str, str]:
    """An answer as text, and the language of the text."""
    if isinstance(answer, str):
        return printable(answer).strip("\n"), ""
    return printable(json.dumps(answer, indent=2, ensure_ascii=False, default=repr)), "json"


def _whose(agent: str | None) -> str:
    return "" if agent is None else f"{one_line(agent, 60)} · "
