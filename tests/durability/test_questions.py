"""Answers that name their question, given in other processes: none is taken for an answer to another question."""

import asyncio

import pytest

from lumo_graph import run
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import event_to_dict
from lumo_graph.runs import aresume_stream, resume_stream
from lumo_graph.testing import ScriptedModel

ONE_ACTION = ["a = mail('a')\nb = mail('b')", "final_answer((a, b))"]
TWO_ACTIONS = ["a = mail('a')", "b = mail('b')", "final_answer((a, b))"]
CALLS = [[["mail", {"to": "a"}]], [["mail", {"to": "b"}]], "(1, 2)"]
YES = {"type": "approve"}


def asked_in(result):
    """The call that waits, and the id of the question."""
    (asked,) = result["pending"]
    return asked["action_requests"][0]["args"]["to"], asked["id"]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("code", "from_reply", "agent_type"),
    [(ONE_ACTION, 1, "code-agent"), (TWO_ACTIONS, 1, "code-agent"), (CALLS, 1, "function-calling")],
    ids=["one action", "two actions", "function calls"],
)
def test_an_answer_given_twice_does_not_answer_the_next_question(worker, code, from_reply, agent_type, loop):
    options = {"code": code, "interrupt_on": {"mail": True}, "loop": loop}
    to, first = asked_in(worker.run("start", **options, agent_type=agent_type))
    assert (to, asked_in(worker.run("resume", **options))) == ("a", ("a", first))
    options["from_reply"] = from_reply
    to, second = asked_in(worker.run("resume", **options, decision=YES, question=first))
    assert (to, worker.effects) == ("b", ["mail-a"])
    assert second != first
    for given in (first, first[:8]):
        refused = worker.run("resume", **options, decision=YES, question=given)["refused"]
        assert f"Question {given!r} does not wait in thread 't': {second[: len(given)]!r} does." in refused
    assert worker.effects == ["mail-a"]
    assert asked_in(worker.run("resume", **options)) == ("b", second)
    options["from_reply"] += code is not ONE_ACTION
    done = worker.run("resume", **options, decision=YES, question=second[:8])
    assert (done["outcome"], worker.effects) == ("answered", ["mail-a", "mail-b"])
    assert "Nothing waits" in worker.run("resume", **options, decision=YES, question=second)["refused"]


def test_an_answer_without_the_question_is_about_whatever_waits(worker):
    options = {"code": ONE_ACTION, "interrupt_on": {"mail": True}, "from_reply": 1}
    worker.run("start", code=ONE_ACTION, interrupt_on={"mail": True})
    assert asked_in(worker.run("resume", **options, decision=YES))[0] == "b"
    assert worker.run("resume", **options, decision=YES)["answer"] == [1, 2]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kill_at", [["lumo:decided", 1], ["lumo:waves", 1]], ids=["answered", "next is written"])
def test_an_answer_given_again_after_a_kill_answers_no_question_that_nobody_has_seen(worker, kill_at, loop):
    options = {"code": ONE_ACTION, "interrupt_on": {"mail": True}, "from_reply": 1, "loop": loop}
    _, first = asked_in(worker.run("start", **{**options, "from_reply": 0}))
    given = {"decision": YES, "question": first}
    assert worker.run("resume", **options, **given, kill_at=kill_at) is None
    effects = worker.effects
    refused = worker.run("resume", **options, **given)["refused"]
    assert f"Question {first!r} of thread 't' is answered already" in refused
    assert worker.effects == effects
    to, second = asked_in(worker.run("resume", **options))
    assert (to, second == first) == ("b", False)
    assert worker.run("resume", **options, decision=YES, question=second)["answer"] == [1, 2]
    assert worker.effects == ["mail-a", "mail-b"]


def test_questions_of_a_tool_itself_have_ids_too(worker):
    options = {"code": ["x = (confirm(1), confirm(2))", "final_answer(x)"]}
    asked = worker.run("start", **options)["pending"]
    again = worker.run("resume", **options)["pending"]
    (first,), (same,) = asked, again
    assert first == same == {"id": first["id"], "value": "sure?"}
    given = {"decision": YES, "question": first["id"][:8]}
    (second,) = worker.run("resume", **options, **given)["pending"]
    assert second == {"id": second["id"], "value": "sure?"} != first
    refused = worker.run("resume", **options, **given)["refused"]
    assert f"Question {first['id'][:8]!r} does not wait in thread 't': {second['id'][:8]!r} does." in refused
    assert " ".join(worker.effects) == "confirm-1-{'type': 'approve'}"


def test_streams_name_the_question_and_show_its_id(tmp_path):
    def mail(to: str) -> str:
        """Send a mail."""
        sent.append(to)
        return to

    async def collect(events):
        return [event_to_dict(event) async for event in events]

    sent = []
    options = {"tools": [mail], "checkpointer": f"sqlite:///{tmp_path}/runs.db", "interrupt_on": {"mail": True}}
    replies = [f"```python\n{code}\n```" for code in ONE_ACTION]
    model = ScriptedModel(replies)
    (asked,) = run("go", model, agent_type="code-agent", thread_id="t", **options).pending
    *_, approval, answer = map(event_to_dict, resume_stream("t", model, decision=YES, question=asked["id"], **options))
    assert approval["request"]["id"] == answer["pending"][0]["id"] != asked["id"]
    with pytest.raises(ConfigurationError, match="does not wait"):
        list(resume_stream("t", model, decision=YES, question=asked["id"], **options))
    with pytest.raises(ConfigurationError, match="does not wait"):
        asyncio.run(collect(aresume_stream("t", model, decision=YES, question=asked["id"], **options)))
    assert sent == ["a"]
    events = asyncio.run(
        collect(aresume_stream("t", model, decision=YES, question=answer["pending"][0]["id"], **options))
    )
    assert (events[-1]["outcome"], sent) == ("answered", ["a", "b"])


@pytest.mark.parametrize(
    ("given", "named"),
    [({"question": "01234567"}, "needs a decision"), ({"question": "", "decision": YES}, "first 8 digits, not ''")],
)
def test_a_question_that_is_none_or_has_no_decision_is_refused_before_anything_is_opened(tmp_path, given, named):
    with pytest.raises(ConfigurationError, match=named):
        resume_stream("t", ScriptedModel([]), checkpointer=f"sqlite:///{tmp_path}/none.db", **given)
