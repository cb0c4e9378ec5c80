"""Runs that are struck at random, and come to their end as if they had not been. `make chaos` has more of them."""

import pytest

from tests.chaos.storm import Storm


def check(storm):
    outcome = storm.rage()
    assert outcome.faults == []
    assert outcome.blows > 0
    assert outcome.approved > 0


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_a_host_that_is_killed_loses_nothing_and_repeats_nothing(tmp_path, store, loop):
    check(Storm(tmp_path, store, seed=1, loop=loop))


@pytest.mark.parametrize("victim", ["session", "zygote"])
def test_a_run_whose_session_is_killed_keeps_its_variables(tmp_path, victim):
    check(Storm(tmp_path, f"sqlite:///{tmp_path}/runs.db", seed=2, victim=victim))


def test_a_database_that_stops_loses_nothing_and_repeats_nothing(tmp_path, postgres):
    check(Storm(tmp_path, postgres.new_database(), seed=3, victim="postgres", server=postgres))
