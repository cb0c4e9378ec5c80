"""Times as bytes and back."""

from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.executors.worker.ticks import CLOCKS, MOST, Ticks

TIMES = st.lists(st.tuples(st.integers(0, CLOCKS - 1), st.integers(-(1 << 62), 1 << 62)), max_size=50)


def read(data):
    times, count = Ticks().read(data)
    assert sum(map(len, times)) == count
    return [list(one) for one in times]


def by_clock(times):
    return [[time for clock, time in times if clock == wanted] for wanted in range(CLOCKS)]


@given(TIMES, st.integers(0, 50))
def test_times_come_back_for_each_clock_in_their_order(times, cut):
    ticks = Ticks()
    assert read(ticks.write(times[:cut]) + ticks.write(times[cut:])) == by_clock(times)


@given(TIMES, TIMES)
def test_times_that_are_written_after_others_were_read_belong_behind_them(before, after):
    data = Ticks().write(before)
    ticks = Ticks()
    ticks.read(data)
    assert read(data + ticks.write(after)) == by_clock(before + after)


@given(st.binary(max_size=200))
def test_any_bytes_are_some_times(data):
    assert sum(map(len, read(data))) <= MOST


def test_a_time_that_is_read_again_and_again_takes_four_bytes_more():
    once = Ticks().write([(0, 1_795_854_918_846_391_000)])
    assert len(Ticks().write([(0, 1_795_854_918_846_391_000)] * MOST)) <= len(once) + 2
    assert len(once) <= 11


def test_repeats_without_end_are_not_believed():
    assert sum(map(len, read(b"\x10\x02" + b"\xff" * 8 + b"\x01"))) == MOST


def test_the_times_of_one_action_fit_into_what_the_host_takes():
    worst = [(0, (-1) ** n * ((1 << 62) - 1)) for n in range(MOST)]
    assert len(Ticks().write(worst)) <= 64 << 10
