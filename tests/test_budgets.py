import pytest

from lumo_graph.budgets import Spent, left_of, tightened
from lumo_graph.types import Limits, Usage


def test_only_limits_that_a_run_has_are_handed_on():
    assert left_of(Limits(), Usage(input_tokens=5), tool_calls=3, seconds=9.0) == {}
    limits = Limits(max_tokens=100, max_cost=1.0, max_tool_calls=5, max_seconds=10)
    usage = Usage(input_tokens=30, output_tokens=10, cost=0.25)
    assert left_of(limits, usage, tool_calls=2, seconds=4.0) == {
        "max_tokens": 60, "max_cost": 0.75, "max_tool_calls": 3, "max_seconds": 6.0,
    }  # fmt: skip


def test_what_is_used_up_leaves_the_smallest_limit_there_is():
    limits = Limits(max_tokens=10, max_cost=1.0, max_tool_calls=1, max_seconds=1)
    left = left_of(limits, Usage(input_tokens=99, cost=9.0), tool_calls=9, seconds=9.0)
    assert tightened(Limits(), left).max_tokens == 1
    assert tightened(Limits(), left).max_tool_calls == 0


@pytest.mark.parametrize(("own", "most", "expected"), [(None, 50, 50), (20, 50, 20), (80, 50, 50)])
def test_an_agent_keeps_its_own_limit_where_that_is_tighter(own, most, expected):
    assert tightened(Limits(max_tokens=own), {"max_tokens": most}).max_tokens == expected


def test_what_was_spent_adds_up_and_survives_being_stored():
    one = Spent(usage=Usage(model_calls=1, input_tokens=2, cost=0.5), tool_calls=3)
    assert Spent.from_dict((one + one).to_dict()) == Spent(
        usage=Usage(model_calls=2, input_tokens=4, cost=1.0), tool_calls=6
    )
