"""When a session is held still, and how often one is told to that does not want to be."""

import math
import time

from lumo_graph.executors.worker.resting import LINGER, Rest


class Body:
    """Stands for the processes of a session."""

    def __init__(self, *, stops_after=1):
        self.stops_after = stops_after
        self.did = []
        self.rest = Rest(
            stop=lambda: self.did.append("stop"),
            is_still=lambda: self.did.count("stop") >= self.stops_after,
            let_go=lambda: self.did.append("go"),
        )

    def wait(self, *, until):
        deadline = time.monotonic() + 20
        while not until() and time.monotonic() < deadline:
            self.rest.look()
            time.sleep(0.0005)


def test_a_session_is_held_still_after_a_while_and_let_go_at_once():
    body = Body()
    began = time.monotonic()
    body.rest.begin()
    body.rest.look()
    assert body.did == []
    body.wait(until=lambda: body.rest.due == math.inf)
    assert time.monotonic() - began >= LINGER
    assert (body.did, body.rest.held) == (["stop"], True)
    body.rest.end()
    assert (body.did, body.rest.held) == (["stop", "go"], False)


def test_a_session_that_is_asked_again_soon_is_not_held_at_all():
    body = Body()
    for _ in range(3):
        body.rest.begin()
        body.rest.look()
        body.rest.end()
    assert body.did == []
    assert body.rest.due == math.inf


def test_what_runs_on_is_stopped_again_until_it_is_still():
    body = Body(stops_after=4)
    body.rest.begin()
    body.wait(until=lambda: body.rest.due == math.inf)
    assert body.did == ["stop"] * 4
    assert not body.rest.defied


def test_what_is_let_go_before_it_is_still_goes_on():
    body = Body(stops_after=1000)
    body.rest.begin()
    body.wait(until=lambda: bool(body.did))
    body.rest.end()
    assert body.did[-1] == "go"


def test_what_never_holds_still_is_known_in_the_end():
    body = Body(stops_after=1000)
    body.rest.begin()
    body.wait(until=lambda: body.rest.defied)
    assert body.rest.defied
    body.rest.begin()
    assert not body.rest.defied
