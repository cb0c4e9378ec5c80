"""What the host hears from a session's guard, in whatever order it comes."""

import socket

import pytest

from lumo_graph.executors.control import EndedError
from lumo_graph.executors.link import Link
from lumo_graph.executors.worker import orders


@pytest.fixture
def link():
    made = Link()
    made.control.supervised = True
    yield made
    made.close()


@pytest.fixture
def guard(link):
    with socket.socket(fileno=socket.dup(link.theirs()[1])) as end:
        link.give_away()
        yield end


def test_what_an_earlier_action_has_used_does_not_stop_this_one(link, guard):
    link.control.begin("a1")
    link.control.begin("b2")
    orders.send(guard, orders.OVER + b"a1")
    link.wait(1)
    assert not link.control.over
    orders.send(guard, orders.OVER + b"b2")
    link.wait(1)
    assert link.control.over
    link.control.begin("c3")
    assert not link.control.over


def test_how_it_died_is_known_whoever_heard_of_it_first(link, guard):
    link.control.begin("a1")
    orders.send(guard, orders.OVER + b"a1")
    orders.send(guard, orders.DIED + b"-9" + orders.FOR_MEMORY)
    link.wait(1)
    link.wait(1)
    assert link.control.death(1) == (-9, "memory")
    assert link.control.end(0.01) == -9


def test_a_session_that_was_ended_for_its_files_does_not_come_to_rest(link, guard):
    link.control.answers = True
    orders.send(guard, orders.END)
    link.control.rest(1)
    orders.send(guard, orders.DIED + b"-9" + orders.FOR_DISK)
    with pytest.raises(EndedError):
        link.control.rest(1)
    assert link.control.death(1) == (-9, "disk")


def test_a_guard_that_says_nothing_is_not_waited_for_without_end(link, guard):
    link.control.answers = True
    with pytest.raises(EndedError):
        link.control.rest(0.05)


def test_orders_are_given_in_the_order_in_which_they_are_meant(link, guard):
    link.control.begin("a1")
    link.control.rest()
    link.control.rouse()
    link.control.kill()
    assert [orders.receive(guard)[0] for _ in range(4)] == [b"ba1", orders.END, orders.ROUSE, orders.KILL]


def test_who_takes_no_orders_gets_none(link, guard):
    link.control.supervised = False
    link.control.begin("a1")
    link.control.rouse()
    link.control.rest()
    link.control.kill()
    assert orders.receive(guard)[0] == orders.KILL
