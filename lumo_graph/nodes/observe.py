"""Turn what an action did into the observation message, the step record and the verdict."""

import uuid
from dataclasses import replace
from typing import cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import check_answer, observe_rejected_answer, read_thought
from lumo_graph.errors import ConfigurationError
from lumo_graph.models import model_name
from lumo_graph.nodes.asking import usage_so_far
from lumo_graph.nodes.marking import tell
from lumo_graph.nodes.routes import reached_limit
from lumo_graph.nodes.seeing import NO_ANSWER, Seen, see
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentState, Update
from lumo_graph.storable import storable
from lumo_graph.types import Restore, Step


class Observe:
    """Observes, records the step, and says whether the run is over."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """The same, from an event loop: there is nothing to wait for."""
        return self.run(state, config)

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """The update after an action of either branch."""
        del config
        seen = self._check(see(state))
        counters = state["counters"]
        failures = counters["failures"] + 1 if seen.failed else 0
        step = Step(
            number=counters["steps"],
            thought=self._thought(state),
            code=seen.code,
            calls=seen.calls,
            observation=seen.text,
            error=seen.error,
            seconds=seen.seconds,
            restore=cast("Restore | None", state.get("restore")),
        )
        update: Update = {
            "messages": list(seen.messages),
            "steps": [step.to_dict()],
            "counters": {**counters, "failures": failures},
            "action": None,
            "results": None,
        }
        if not (seen.failed and state.get("execution")):
            update["execution"] = None  # self_debug is the only other reader
        if seen.answer is not NO_ANSWER:
            return {**update, "answer": storable(seen.answer), "outcome": "answered"}
        usage = usage_so_far(state)
        if state["run"]["limits"]["max_cost"] is not None and usage.cost is None:
            # Here, and not where the model is called: the reply that was paid for is in the checkpoint.
            name = model_name(self._setup.model)
            raise ConfigurationError(f"Limits.max_cost is set, but {name!r} reports no cost. Use max_tokens instead.")
        return {**update, "outcome": reached_limit(state["run"], update["counters"], usage)}

    def _check(self, seen: Seen) -> Seen:
        """The same, unless the answer is not what `response_format` asks for: then a failed action that says so."""
        if seen.answer is NO_ANSWER or self._setup.response_format is None:
            return seen
        answer, problem = check_answer(seen.answer, self._setup.response_format)
        if problem is None:
            return replace(seen, answer=answer)
        text = "\n\n".join(part for part in (seen.text, observe_rejected_answer(problem)) if part)
        *others, last = seen.messages or (tell(""),)
        told = last.model_copy(update={"content": text, "id": uuid.uuid4().hex})
        return replace(
            seen, text=text, messages=(*others, told), answer=NO_ANSWER, failed=True, error="ValidationError"
        )

    def _thought(self, state: AgentState) -> str:
        replies = [message for message in state["messages"][-1:] if isinstance(message, AIMessage)]
        return read_thought(self._setup.dialect_of(state["run"]), replies[0]) if replies else ""
