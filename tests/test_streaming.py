from langgraph.types import Interrupt

from lumo_graph.decisions import Request, question
from lumo_graph.events import Approval, event_to_dict
from lumo_graph.streaming import events_of, pending_of

MAIL = Request(name="mail", args={"to": "a"}, description="?")


def test_a_question_of_ours_has_its_own_id():
    asked = question([MAIL], question_id="ours", code=None, calls_before=[])
    assert list(pending_of([Interrupt(asked, id="theirs")])) == [asked]
    (event,) = events_of("updates", {"__interrupt__": (Interrupt(asked, id="theirs"),)})
    assert isinstance(event, Approval)
    assert event_to_dict(event)["request"]["id"] == "ours"


def test_what_a_tool_asks_by_itself_has_the_id_of_its_interrupt_and_loses_nothing():
    asked = ["sure?", {"order": 5}, {"id": "order 5", "action_requests": []}]
    assert list(pending_of([Interrupt(one, id="theirs") for one in asked])) == [
        {"id": "theirs", "value": "sure?"},
        {"id": "theirs", "order": 5},
        {"id": "theirs", "value": {"id": "order 5", "action_requests": []}},
    ]
