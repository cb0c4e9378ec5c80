import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits, is_limit


def test_the_defaults_are_those_of_the_readme():
    assert (Limits().max_steps, Limits().max_debug_attempts, Limits().action_seconds) == (10, 3, 30.0)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_steps": 0}, "max_steps must be at least 1, not 0"),
        ({"max_steps": -3}, "not -3"),
        ({"max_steps": True}, "a whole number, not True"),
        ({"max_steps": 1.5}, "a whole number, not 1.5"),
        ({"max_steps": None}, "not None"),
        ({"max_debug_attempts": -1}, "at least 0"),
        ({"action_seconds": 0}, "above 0, not 0"),
        ({"action_seconds": float("nan")}, "finite"),
        ({"action_seconds": float("inf")}, "finite"),
        ({"action_seconds": "5"}, "a number, not '5'"),
        ({"action_cpu_seconds": 0}, "above 0, not 0"),
        ({"action_cpu_seconds": "2"}, "a number, not '2'"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_cost": -0.1}, "above 0"),
        ({"max_observation_chars": 10}, "at least 200"),
        ({"memory_mb": 16}, "at least 128"),
        ({"disk_mb": 10**30}, "disk_mb must be at most 1,099,511,627,776"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_value(given, named):
    with pytest.raises(ConfigurationError, match=named):
        Limits(**given)


def test_none_means_no_limit_where_there_may_be_none():
    limits = Limits(action_cpu_seconds=None, max_tool_calls=None, max_tokens=None, max_cost=None, max_seconds=None)
    assert limits == Limits()
    assert Limits(max_tool_calls=0).max_tool_calls == 0


def test_a_mapping_changes_what_it_names():
    base = Limits(max_steps=4)
    assert Limits.of({"max_tokens": 9}, default=base) == Limits(max_steps=4, max_tokens=9)
    assert Limits.of(None, default=base) is base
    assert Limits.of(base.to_dict()) == base


def test_an_unknown_limit_is_named_with_those_there_are():
    with pytest.raises(ConfigurationError, match="'steps'.*max_steps"):
        Limits.of({"steps": 3})
    with pytest.raises(ConfigurationError, match="mapping"):
        Limits.of(7)


def test_the_names_of_limits_are_known():
    assert is_limit("max_steps")
    assert not is_limit("steps")
