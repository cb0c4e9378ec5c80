"""What an action draws from, as its journal keeps it."""

import pytest

from lumo_graph.nodes.sourcing import Sourcing, sources_of
from lumo_graph.types import Sources


class Kept:
    """What was written, by name."""

    def __init__(self):
        self.values = {}

    def write(self, name, value):
        assert name not in self.values
        self.values[name] = value

    def run(self):
        """Another run of the action."""
        sourcing = Sourcing(self.write)
        return sourcing, sourcing.begin([*self.values.values()])


@pytest.fixture
def kept():
    return Kept()


def test_nothing_is_stored_before_it_must_be(kept):
    sourcing, sources = kept.run()
    sourcing.hear(0, b"ab")
    assert kept.values == {}
    sourcing.keep()
    assert sources_of([*kept.values.values()]) == Sources(seed=sources.seed, clock=b"ab")


def test_what_is_stored_is_not_stored_again(kept):
    sourcing, _ = kept.run()
    for _ in range(3):
        sourcing.keep()
    sourcing.end(b"")
    assert len(kept.values) == 1


def test_the_next_run_goes_on_from_there_with_the_same_seed(kept):
    first, sources = kept.run()
    first.hear(0, b"ab")
    first.keep()
    second, again = kept.run()
    assert again == Sources(seed=sources.seed, clock=b"ab")
    second.hear(2, b"cd")
    second.keep()
    second.end(b"abcdef")
    assert sources_of([*kept.values.values()]) == Sources(seed=sources.seed, clock=b"abcdef")


def test_parts_of_calls_that_came_together_are_put_in_order(kept):
    sourcing, _ = kept.run()
    sourcing.hear(2, b"cd")
    sourcing.keep()
    sourcing.hear(0, b"ab")
    sourcing.keep()
    assert sources_of([*kept.values.values()]).clock == b"abcd"


def test_what_a_run_that_was_given_up_has_read_later_is_not_part_of_the_next(kept):
    given_up, _ = kept.run()
    given_up.hear(0, b"ab")
    given_up.keep()
    second, _ = kept.run()
    given_up.hear(2, b"XYZ")
    given_up.keep()
    second.hear(2, b"c")
    second.keep()
    assert sources_of([*kept.values.values()]).clock == b"abc"


def test_an_action_that_draws_from_nothing_stores_nothing(kept):
    sourcing = Sourcing(kept.write)
    sourcing.keep()
    sourcing.end(b"ab")
    assert kept.values == {}
