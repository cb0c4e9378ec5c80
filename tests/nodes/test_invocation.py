import pytest

from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.invocation import INVOCATION, Invocation, invocation_of

PLACE = "t", "worker", "1f"


def test_what_it_leaves_ends_with_it():
    ended = []
    one = Invocation("analyst", stores=True)
    one.leaves("a", lambda: ended.append("a"))
    one.leaves("a", lambda: ended.append("a again"))
    assert ended == []
    one.end()
    assert ended == ["a again"]


def test_a_place_is_for_one_at_a_time():
    one, other = Invocation("analyst", stores=True), Invocation("analyst", stores=True)
    one.claim(*PLACE)
    one.claim(*PLACE)
    with pytest.raises(ConfigurationError, match="'analyst' runs several times at once in the namespace 'worker'"):
        other.claim(*PLACE)
    other.claim("t", "worker", "2f")
    other.end()
    one.end()
    Invocation("analyst", stores=True).claim(*PLACE)


def test_one_that_was_refused_does_not_free_the_place_at_its_end():
    one, other = Invocation("analyst", stores=True), Invocation("analyst", stores=True)
    one.claim(*PLACE)
    with pytest.raises(ConfigurationError):
        other.claim(*PLACE)
    other.end()
    with pytest.raises(ConfigurationError):
        Invocation("analyst", stores=True).claim(*PLACE)
    one.end()


def test_one_that_nobody_holds_any_more_holds_no_place():
    one = Invocation("analyst", stores=True)
    one.claim(*PLACE)
    del one
    Invocation("analyst", stores=True).claim(*PLACE)


def test_a_node_finds_it_in_its_config_and_nothing_else_there():
    one = Invocation("analyst", stores=True)
    assert invocation_of({"configurable": {INVOCATION: one}}) is one
    assert invocation_of({"configurable": {INVOCATION: "what somebody else keeps there"}}) is None
    assert invocation_of({}) is None
