"""The span of a run, and those of its steps: what outlives a single node, and so no `with` block holds it."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from opentelemetry import context as otel
from opentelemetry import metrics, trace
from opentelemetry.context import Context

from lumo_graph.excerpts import shorten
from lumo_graph.tracing import names
from lumo_graph.tracing.carriers import parent_context, span_context_of, traceparent_of
from lumo_graph.tracing.content import Content, content
from lumo_graph.tracing.cutting import fitted
from lumo_graph.tracing.messages import said
from lumo_graph.tracing.metrics import instruments
from lumo_graph.tracing.spans import Work, ending_of, entered, harmless
from lumo_graph.types import FUNCTION_CALLING

Place: TypeAlias = Literal["begins", "opens", "within", "closes"]
"""What a node is in a run: the beginning of it; or the beginning of a step, a part of one, the end of one."""

_RUN = otel.create_key("lumo_graph.run")
_TOLD = ("run", "outcome", "counters", "usage", "isolation")
"""What of the state the span of the run is told from."""
_logger = logging.getLogger("lumo_graph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What the spans of an agent's runs say of the agent."""

    agent: str
    provider: str
    model: str
    enabled: bool = True


class RunTrace:
    """The trace of one run: from one invoke of its graph to the end of it.

    Its `context` is current where its nodes run, whichever thread that is; in it `current_run` finds it.

    Args:
        traced: the agent.
        config: of the run, LangChain's.
        within: it is a part of a run that others trace, and has no span of its own.
    """

    def __init__(self, traced: Traced, config: Mapping[str, Any], *, within: bool = False) -> None:
        self.traced = traced
        self.content: Content = content()
        parent = parent_context(config)
        self.thread_id = _text(cast("Mapping[str, Any]", config.get("configurable") or {}).get("thread_id"))
        self.common = {names.AGENT_NAME: traced.agent, names.CONVERSATION_ID: self.thread_id}
        about = {
            **self.common,
            names.OPERATION: names.INVOKE_AGENT,
            names.PROVIDER: traced.provider,
            names.REQUEST_MODEL: traced.model,
            names.SESSION_ID: self.thread_id,
            names.SPAN_KIND: "AGENT",
        }
        self._work = Work(f"{names.INVOKE_AGENT} {traced.agent}", about, parent=parent, on=not within)
        here = otel.set_value(_RUN, self, parent)
        self.context = here if within else trace.set_span_in_context(self._work.span, here)
        self._traceparent = traceparent_of(self._work.span)
        self._steps: tuple[Work, int] | None = None
        self._seen: dict[str, Any] = {}
        self._resumed = False
        self._before: Mapping[str, Any] | None = None
        self._steps_before = 0
        self._debugged = 0
        self._answer: Any = None

    @contextmanager
    def in_node(
        self, place: Place | None, state: Mapping[str, Any], checkpoint_id: str | None
    ) -> Generator[None, None, None]:
        """Trace what one node does: in the span of its step, or of the run.

        Args:
            place: of the node; None: it is a part of the run and of no step.
            state: of the run, as the node gets it.
            checkpoint_id: of the checkpoint that the node reads.
        """
        if self._before is None:
            self._look_at(place, state, checkpoint_id)
        context = self.context if place in {None, "begins"} else self._step(place == "opens", state)
        with entered(context):
            yield

    def see(self, place: Place | None, update: Mapping[str, Any], run: Mapping[str, Any] | None) -> dict[str, Any]:
        """Take from an update what the run's span will say, and what to add to it for a run that goes on elsewhere.

        Args:
            place: of the node.
            update: what the node writes.
            run: the fields of the run that the node has read; None: there are none yet.
        """
        self._seen |= {name: update[name] for name in _TOLD if update.get(name) is not None}
        if "answer" in update:
            self._answer = update["answer"]
        if place == "closes":
            self._end_step()
        fields = update.get("run") or run
        if place == "begins" and fields:
            self._show_task(fields)
        if not fields or self._traceparent is None or fields.get("traceparent") == self._traceparent:
            return {}
        return {"run": {**fields, "traceparent": self._traceparent}}

    def end(self, error: BaseException | None = None) -> None:
        """End it.

        Args:
            error: what ended the run, if it did not come to its end by itself.
        """
        self._end_step()
        if self._before is None and error is None:
            self._work.end()  # no node has run: there was nothing to go on with
            return
        outcome = self._outcome(error)
        counters: Mapping[str, Any] = self._seen.get("counters") or {}
        isolation: Mapping[str, Any] = self._seen.get("isolation") or {}
        steps = counters.get("steps", 0)
        spent = {name: self._spent(name) for name in ("input_tokens", "output_tokens")}
        self._work.set(
            {
                names.OUTCOME: outcome,
                names.STEPS: steps,
                names.SELF_DEBUG_ATTEMPTS: self._debugged,
                names.RUN_RESUMED: self._resumed,
                names.INPUT_TOKENS: spent["input_tokens"],
                names.OUTPUT_TOKENS: spent["output_tokens"],
                names.SANDBOX_TIER: isolation.get("tier"),
            }
        )
        self._show_answer()
        if outcome == "failed" and error is not None:
            self._work.fail(type(error).__name__)
        with harmless():
            self._measure(outcome, steps - self._steps_before)
        with entered(self.context):
            _logger.info("run of %s ended: %s, steps: %d", self.traced.agent, outcome, steps)
        self._work.end()

    def _measure(self, outcome: str, steps: int) -> None:
        """Record the figures of this run: what an earlier one has used before it counts there."""
        dimensions = {names.OPERATION: names.INVOKE_AGENT, names.AGENT_NAME: self.traced.agent, names.OUTCOME: outcome}
        if self._work.error_type is not None:
            dimensions[names.ERROR_TYPE] = self._work.error_type
        measured = instruments()
        measured.run_seconds.record(self._work.seconds, dimensions)
        measured.runs.add(1, dimensions)
        measured.steps.record(steps, dimensions)
        measured.debug_attempts.record(self._debugged, dimensions)

    def _outcome(self, error: BaseException | None) -> str:
        if error is not None:
            return ending_of(error) or "failed"
        run: Mapping[str, Any] = self._seen.get("run") or {}
        closed = run.get("closing") is not None
        return self._seen.get("outcome") or "interrupted" if closed else "interrupted"

    def _spent(self, name: str) -> int | None:
        if (usage := self._seen.get("usage")) is None:
            return None
        return usage.get(name, 0) - (self._before or {}).get(name, 0)

    def _look_at(self, place: Place | None, state: Mapping[str, Any], checkpoint_id: str | None) -> None:
        """At the first node: whether an earlier run goes on in this one."""
        if self.thread_id is not None:
            self._work.set({names.RUN_CHECKPOINT: checkpoint_id})
        if place == "begins":
            self._before = {}
            return
        run: Mapping[str, Any] = state.get("run") or {}
        self._before, self._resumed = state.get("usage") or {}, True
        self._seen = {name: state[name] for name in _TOLD if state.get(name) is not None}
        counters: Mapping[str, Any] = state.get("counters") or {}
        self._steps_before = counters.get("steps", 0)
        if (context := span_context_of(run.get("traceparent"))) is not None:
            self._work.span.add_link(context)
        self._show_task(run)

    @property
    def _shows_content(self) -> bool:
        return self.content.on_spans and self._work.recording

    def _show_task(self, run: Mapping[str, Any]) -> None:
        self._work.set({names.RUN_ID: run.get("id"), names.AGENT_TYPE: run.get("agent_type")})
        if not self._shows_content:
            return
        with harmless():
            task = self.content.clean(run.get("task"))
            shown = fitted([said("user", task)], self.content.max_chars)
            self._work.set({names.INPUT_MESSAGES: shown, names.INPUT_VALUE: shorten(task, self.content.max_chars)})

    def _show_answer(self) -> None:
        if not self._shows_content or self._answer is None:
            return
        with harmless():
            limit = self.content.max_chars
            answer = self.content.clean(self._answer)
            text = shorten(answer, limit) if isinstance(answer, str) else fitted(answer, limit)
            said_so = {**said("assistant", text), "finish_reason": "stop"}
            self._work.set({names.OUTPUT_MESSAGES: fitted([said_so], limit), names.OUTPUT_VALUE: text})

    def _step(self, opens: bool, state: Mapping[str, Any]) -> Context:  # noqa: FBT001 - private
        number = state["counters"]["steps"] + opens
        if self._steps is None or self._steps[1] != number:
            self._end_step()
            self._open_step(number, state)
        assert self._steps is not None  # noqa: S101 - just opened
        return trace.set_span_in_context(self._steps[0].span, self.context)

    def _open_step(self, number: int, state: Mapping[str, Any]) -> None:
        by_code = state["run"]["agent_type"] != FUNCTION_CALLING
        debugs = by_code and state["counters"]["failures"] > 0
        # No attribute of a model: dashboards would count the step as a generation.
        about = {**self.common, names.STEP_NUMBER: number, names.SELF_DEBUG: debugs, names.SPAN_KIND: "CHAIN"}
        step = Work(names.CODE_STEP if by_code else names.CALL_STEP, about, parent=self.context)
        self._debugged += debugs
        self._steps = step, number

    def _end_step(self) -> None:
        if self._steps is not None:
            self._steps[0].end()
            self._steps = None


def begin_run(traced: Traced, config: Mapping[str, Any]) -> RunTrace | None:
    """The trace of a run that begins; None if the agent is not to be, or nobody has set up tracing."""
    return RunTrace(traced, config) if traced.enabled and _somebody_listens() else None


def part_of_run(traced: Traced, config: Mapping[str, Any]) -> Context:
    """The context for work of ours in a run that others trace: our spans hang below the span that is current now."""
    if not traced.enabled or not _somebody_listens() or current_run() is not None:
        return otel.get_current()
    return RunTrace(traced, config, within=True).context


def current_run(context: Context | None = None) -> RunTrace | None:
    """The traced run that the caller is part of; or whoever is in `context`."""
    found = otel.get_value(_RUN, context)
    return found if isinstance(found, RunTrace) else None


def untraced() -> Context:
    """The current context, without the run in it: what is done there is not traced, and the caller's span stays."""
    return otel.set_value(_RUN, None)


def _somebody_listens() -> bool:
    # Until an SDK is set, both are the API's own, which do nothing.
    providers: Sequence[object] = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return not all(
        type(one).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics")) for one in providers
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
