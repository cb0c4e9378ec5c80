"""Where to go next. Pure functions of the state: the conditional edges of the graph."""

from typing import Literal

from lumo_graph.state import AgentState, Counters, RunFields
from lumo_graph.types import FUNCTION_CALLING, Limits, Outcome, Usage

Branch = Literal["generate_code", "call_model"]


def branch(state: AgentState) -> Branch:
    """The branch that `agent_type` names: function calls, or code actions in one dialect or another."""
    return "call_model" if state["run"]["agent_type"] == FUNCTION_CALLING else "generate_code"


def after_calls(state: AgentState) -> Literal["execute", "observe"]:
    """On to the code that a reply of the function-call branch runs beside its other calls, if there is any."""
    return "execute" if (state.get("action") or {}).get("kind") == "run_code" else "observe"


def after_observe(state: AgentState) -> Literal["answer", "self_debug", "plan", "generate_code", "call_model"]:
    """On to the answer if the run is over, to self-debug after a failed code action, else to the next step."""
    if state.get("outcome"):
        return "answer"
    if state["counters"]["failures"] and (state.get("execution") or branch(state) == "generate_code"):
        return "self_debug"
    if plan_is_due(state):
        return "plan"
    return branch(state)


def after_observe_unplanned(
    state: AgentState,
) -> Literal["answer", "self_debug", "plan", "generate_code", "call_model"]:
    """`after_observe` in an agent without plans, where the run may have begun in one that makes them."""
    return after_observe({**state, "run": {**state["run"], "planning_interval": None}})


def plan_is_due(state: AgentState) -> bool:
    """Whether the agent plans and has made `planning_interval` steps since its last plan."""
    interval, counters = state["run"]["planning_interval"], state["counters"]
    if interval is None:
        return False
    return counters["planned_at"] < 0 or counters["steps"] - counters["planned_at"] >= interval


def reached_limit(run: RunFields, counters: Counters, usage: Usage) -> Outcome | None:
    """The outcome of a run that must stop here, None if it may go on."""
    limits = Limits.of(run["limits"])
    if counters["failures"] > limits.max_debug_attempts:
        return "max_debug_attempts"
    if is_spent(run, usage) or _at(limits.max_seconds, counters["seconds"]):
        return "budget"
    if limits.max_tool_calls is not None and counters["tool_calls"] > limits.max_tool_calls:
        return "budget"
    return "max_steps" if counters["steps"] >= limits.max_steps else None


def action_seconds(state: AgentState) -> float:
    """Seconds the next action may take: its own limit, or what is left of the run's."""
    limits, used = state["run"]["limits"], state["counters"]["seconds"]
    left = limits["max_seconds"] - used if limits["max_seconds"] is not None else limits["action_seconds"]
    return min(limits["action_seconds"], max(1.0, left))


def is_spent(run: RunFields, usage: Usage) -> bool:
    """Whether the run may make no further model call: its tokens or its cost are used up."""
    limits = Limits.of(run["limits"])
    return _at(limits.max_tokens, usage.total_tokens) or _at(limits.max_cost, usage.cost or 0.0)


def _at(limit: float | None, used: float) -> bool:
    return limit is not None and used >= limit
