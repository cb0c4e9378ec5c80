import pytest

from lumo_graph.nodes.routes import after_observe, branch, is_spent, plan_is_due, reached_limit
from lumo_graph.types import Limits, Usage


def run_fields(agent_type="code-agent", planning_interval=None, **limits):
    return {
        "id": "r",
        "task": "go",
        "agent_type": agent_type,
        "limits": Limits(**limits).to_dict(),
        "planning_interval": planning_interval,
        "closing": None,
    }


def counters(**changed):
    return {"steps": 1, "failures": 0, "tool_calls": 0, "seconds": 0.0, "planned_at": -1, **changed}


def state(run=None, outcome=None, **changed):
    return {"messages": [], "run": run or run_fields(), "counters": counters(**changed), "outcome": outcome}


@pytest.mark.parametrize(
    ("given", "target"),
    [
        (state(), "generate_code"),
        (state(run_fields("function-calling")), "call_model"),
        (state(failures=1), "self_debug"),
        (state(run_fields("function-calling"), failures=1), "call_model"),
        (state(outcome="answered"), "answer"),
        (state(outcome="max_steps", failures=2), "answer"),
        (state(run_fields(planning_interval=2), steps=2, planned_at=0), "plan"),
        (state(run_fields(planning_interval=2), steps=1, planned_at=0), "generate_code"),
        (state(run_fields(planning_interval=2), steps=2, planned_at=0, failures=1), "self_debug"),
        (state(run_fields("function-calling", planning_interval=1), steps=3, planned_at=1), "plan"),
    ],
    ids=[
        "code goes on",
        "function calls go on",
        "a failed code action is debugged",
        "a failed function call is not",
        "an answer ends",
        "a limit ends before a repair",
        "a plan is due",
        "a plan is not due yet",
        "a repair comes before a plan",
        "function calls plan too",
    ],
)
def test_the_way_after_an_observation(given, target):
    assert after_observe(given) == target


def test_the_agent_type_names_the_branch():
    assert branch(state()) == "generate_code"
    assert branch(state(run_fields("function-calling"))) == "call_model"


def test_a_plan_is_due_before_the_first_step_only_for_who_plans():
    assert not plan_is_due(state())
    assert plan_is_due(state(run_fields(planning_interval=5), steps=0))


@pytest.mark.parametrize(
    ("run", "used", "usage", "outcome"),
    [
        (run_fields(max_steps=3), counters(steps=2), Usage(), None),
        (run_fields(max_steps=3), counters(steps=3), Usage(), "max_steps"),
        (run_fields(max_debug_attempts=2), counters(failures=2), Usage(), None),
        (run_fields(max_debug_attempts=2), counters(failures=3), Usage(), "max_debug_attempts"),
        (run_fields(max_debug_attempts=0), counters(failures=1), Usage(), "max_debug_attempts"),
        (run_fields(max_tool_calls=2), counters(tool_calls=2), Usage(), None),
        (run_fields(max_tool_calls=2), counters(tool_calls=3), Usage(), "budget"),
        (run_fields(max_seconds=5), counters(seconds=5.1), Usage(), "budget"),
        (run_fields(max_tokens=10), counters(), Usage(input_tokens=6, output_tokens=4), "budget"),
        (run_fields(max_tokens=11), counters(), Usage(input_tokens=6, output_tokens=4), None),
        (run_fields(max_cost=0.5), counters(), Usage(cost=0.6), "budget"),
    ],
)
def test_the_limit_that_a_run_has_reached(run, used, usage, outcome):
    assert reached_limit(run, used, usage) == outcome


def test_only_tokens_and_cost_forbid_one_more_call():
    assert not is_spent(run_fields(max_tool_calls=0, max_seconds=0.1), Usage(input_tokens=99))
    assert is_spent(run_fields(max_tokens=99), Usage(input_tokens=99))
