"""Calls that wait for a person, in the middle of an action, answered in another process."""

import pytest

from lumo_graph.checkpoints import list_threads, open_checkpointer

CODE = ["first = charge(1)\nsent = mail('ann')\nlast = charge(2)", "final_answer((first, sent, last))"]
TOGETHER = """\
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    sent = list(pool.map(mail, ['a', 'b', 'c']))
"""
ON = {"mail": True}


def threads_of(worker):
    with open_checkpointer(f"sqlite:///{worker.folder}/runs.db") as saver:
        return list_threads(saver)


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_a_call_waits_and_goes_on_in_another_process(worker, store, loop):
    options = {"code": CODE, "interrupt_on": ON, "loop": loop, "checkpointer": store}
    asked = worker.run("start", **options)
    assert (asked["outcome"], worker.effects) == ("interrupted", ["charge-1"])
    (request,) = asked["pending"]
    assert request["action_requests"][0]["name"] == "mail"
    assert request["action_requests"][0]["args"] == {"to": "ann"}
    assert request["code"] == CODE[0]
    assert request["lines"] == [2]
    assert request["calls_before"] == ["charge -> 1"]
    done = worker.run("resume", **options, from_reply=1, decision={"type": "approve"})
    assert done["answer"] == [1, 2, 3]
    assert worker.effects == ["charge-1", "mail-ann", "charge-2"]


@pytest.mark.parametrize(
    ("decision", "sent", "mails"),
    [
        ({"type": "edit", "edited_action": {"name": "mail", "args": {"to": "bob"}}}, 2, ["mail-bob"]),
        ({"type": "respond", "message": "sent by hand"}, "sent by hand", []),
        ({"decisions": [{"type": "approve"}]}, 2, ["mail-ann"]),
    ],
)
def test_a_person_may_change_a_call_or_answer_it(worker, decision, sent, mails):
    worker.run("start", code=CODE, interrupt_on=ON)
    done = worker.run("resume", code=CODE, from_reply=1, interrupt_on=ON, decision=decision)
    assert done["answer"][1] == sent
    assert worker.effects == ["charge-1", *mails, "charge-2"]


def test_an_edited_call_is_shown_as_it_was_made(worker):
    worker.run("start", code=CODE, interrupt_on=ON)
    edit = {"type": "edit", "edited_action": {"name": "mail", "args": {"to": "bob"}}}
    done = worker.run("resume", code=CODE, from_reply=1, interrupt_on=ON, decision=edit)
    calls = [["charge", {"amount": 1}, False], ["mail", {"to": "bob"}, True], ["charge", {"amount": 2}, False]]
    assert done["steps"][0]["calls"] == calls
    assert (
        "A person has changed the arguments of mail: it was called as mail(to='bob')"
        in (done["steps"][0]["observation"])
    )


def test_a_decision_outlives_a_kill_before_its_call_is_recorded(worker):
    worker.run("start", code=CODE, interrupt_on=ON)
    edit = {"type": "edit", "edited_action": {"name": "mail", "args": {"to": "bob"}}}
    options = {"code": CODE, "interrupt_on": ON, "from_reply": 1}
    assert worker.run("resume", **options, decision=edit, kill_in=2) is None
    assert worker.effects == ["charge-1", "mail-bob"]
    # Whether the mail was sent cannot be known from outside: it is sent again, and nobody is asked again.
    assert worker.run("resume", **options)["answer"] == [1, 3, 4]
    assert worker.effects == ["charge-1", "mail-bob", "mail-bob", "charge-2"]


def test_a_decision_outlives_a_kill_as_the_next_question_is_written(worker):
    code = ["a = mail('a')\nb = mail('b')", "final_answer((a, b))"]
    options = {"code": code, "interrupt_on": ON, "from_reply": 1}
    worker.run("start", code=code, interrupt_on=ON)
    assert worker.run("resume", **options, decision={"type": "approve"}, kill_at=["lumo:waves", 1]) is None
    for _ in range(2):
        asked = worker.run("resume", **options)
        assert asked["pending"][0]["action_requests"][0]["args"] == {"to": "b"}
    assert worker.effects == ["mail-a"]
    assert worker.run("resume", **options, decision={"type": "respond", "message": "B"})["answer"] == [1, "B"]
    assert worker.effects == ["mail-a"]


def test_a_decision_given_by_id_outlives_a_kill(worker):
    options = {"code": CODE, "interrupt_on": ON, "from_reply": 1}
    worker.run("start", code=CODE, interrupt_on=ON)
    assert worker.run("answer_by_id", **options, decision={"type": "approve"}, kill_in=2) is None
    assert worker.run("resume", **options)["answer"] == [1, 3, 4]
    assert worker.effects == ["charge-1", "mail-ann", "mail-ann", "charge-2"]


def test_a_decision_about_code_outlives_a_kill_as_the_next_question_is_written(worker):
    on = {"python_interpreter": True, "mail": True}
    code = ["charge(100)", "final_answer(x)"]
    options = {"code": code, "interrupt_on": on, "from_reply": 1}
    worker.run("start", code=code, interrupt_on=on)
    edited = "x = charge(1)\nmail('ann')"
    edit = {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": edited}}}
    assert worker.run("resume", **options, decision=edit, kill_at=["lumo:waves", 1]) is None
    asked = worker.run("resume", **options)["pending"][0]
    assert (asked["action_requests"][0]["name"], asked["code"], asked["lines"]) == ("mail", edited, [2])
    assert worker.effects == ["charge-1"]


def test_a_question_in_code_that_a_person_has_changed_is_not_lost_without_its_tool_either(worker):
    options = {"code": ["charge(100)", "final_answer(1)"], "interrupt_on": {"python_interpreter": True, "mail": True}}
    worker.run("start", **options)
    options["from_reply"] = 1
    edit = {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": "mail('ann')"}}}
    assert worker.run("resume", **options, decision=edit)["pending"][0]["action_requests"][0]["name"] == "mail"
    without = {**options, "interrupt_on": {"python_interpreter": True}, "without": ["mail"]}
    assert worker.run("resume", **without)["pending"][0]["action_requests"][0]["name"] == "mail"
    assert worker.run("resume", **options)["pending"][0]["action_requests"][0]["name"] == "mail"
    assert worker.effects == []


def test_code_that_a_person_has_changed_into_what_cannot_run_goes_back_to_the_model(worker):
    options = {"code": ["charge(100)", "final_answer(1)"], "interrupt_on": {"python_interpreter": True}}
    worker.run("start", **options)
    edit = {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": "nothing('ann')"}}}
    asked = worker.run("resume", **options, from_reply=1, decision=edit)
    assert (asked["steps"][0]["error"], asked["outcome"]) == ("NameError", "interrupted")


def test_an_answer_that_nothing_waits_for_is_not_taken_for_the_next_question(worker):
    code = ["kill()\nmail('a')", "final_answer(1)"]
    options = {"code": code, "interrupt_on": ON, "from_reply": 1}
    assert worker.run("start", code=code, interrupt_on=ON) is None
    with pytest.raises(AssertionError, match="Nothing waits for a decision"):
        worker.run("resume", **options, decision={"type": "approve"})
    assert worker.run("resume", **options)["outcome"] == "interrupted"
    assert worker.effects == []


def test_a_decision_that_does_not_fit_is_forgotten_and_the_question_stays_open(worker):
    options = {
        "code": ["x = mail('a')", "final_answer(x)"],
        "interrupt_on": {"mail": {"allowed_decisions": ["approve"]}},
    }
    worker.run("start", **options)
    options["from_reply"] = 1
    with pytest.raises(AssertionError, match="'respond' is not allowed for mail"):
        worker.run("resume", **options, decision={"type": "respond", "message": "x"})
    (thread,) = threads_of(worker)
    assert thread.waiting
    assert worker.run("resume", **options)["pending"][0]["action_requests"][0]["args"] == {"to": "a"}
    assert worker.run("resume", **options, decision={"type": "approve"})["answer"] == 1


def test_a_rejected_call_raises_in_the_code(worker):
    code = ["charge(1)\ntry:\n    mail('ann')\nexcept ToolError as error:\n    why = str(error)", "final_answer(why)"]
    worker.run("start", code=code, interrupt_on=ON)
    decision = {"type": "reject", "message": "not today"}
    done = worker.run("resume", code=code, from_reply=1, interrupt_on=ON, decision=decision)
    assert "not today" in done["answer"]
    assert worker.effects == ["charge-1"]


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
@pytest.mark.parametrize("changed", [{}, {"interrupt_on": {"mail": False}}, {"only_reads": ["mail"]}], ids=str)
def test_what_was_asked_stays_asked_when_the_run_goes_on_without_the_rule(worker, agent_type, changed):
    acts = {"code-agent": "x = mail('ann')", "function-calling": [["mail", {"to": "ann"}]]}
    ends = {"code-agent": "final_answer(1)", "function-calling": [["final_answer", {"answer": 1}]]}
    options = {"code": [acts[agent_type], ends[agent_type]], "agent_type": agent_type}
    worker.run("start", **options, interrupt_on=ON)
    options |= {"from_reply": 1, **changed}
    assert worker.run("resume", **options)["pending"][0]["action_requests"][0]["args"] == {"to": "ann"}
    assert worker.run("resume", **options, decision={"type": "reject", "message": "no"})["answer"] == 1
    assert worker.effects == []


@pytest.mark.parametrize(
    ("again", "waits"),
    [(None, True), ({"charge": True}, True), ({"mail": False}, False)],
    ids=["no rules", "other rules", "lifted"],
)
def test_the_rules_of_a_run_hold_when_it_goes_on_without_them(worker, again, waits):
    code = ["first = mail('ann')\nkill()", "second = mail('bob')", "final_answer((first, second))"]
    worker.run("start", code=code, interrupt_on=ON)
    approve = {"type": "approve"}
    assert worker.run("resume", code=code, from_reply=1, interrupt_on=ON, decision=approve) is None
    done = worker.run("resume", code=code, from_reply=1, interrupt_on=again)
    assert (done["outcome"], worker.effects) == (
        ("interrupted", ["mail-ann"]) if waits else ("answered", ["mail-ann", "mail-bob"])
    )


@pytest.mark.parametrize(
    ("agent_type", "code", "answer"),
    [
        ("code-agent", ["x = mail('ann')", "final_answer(x)"], "by hand"),
        ("function-calling", [[["mail", {"to": "ann"}]], [["final_answer", {"answer": 1}]]], 1),
    ],
)
def test_a_question_is_not_lost_when_the_run_goes_on_without_the_tool(worker, agent_type, code, answer):
    options = {"code": code, "agent_type": agent_type, "interrupt_on": ON}
    worker.run("start", **options)
    options["from_reply"] = 1
    for decision in (None, {"type": "approve"}):
        with pytest.raises(AssertionError, match="Nothing was done: resume with the tools that the run was started"):
            worker.run("resume", **options | {"interrupt_on": None}, without=["mail"], decision=decision)
    done = worker.run("resume", **options, decision={"type": "respond", "message": "by hand"})
    assert (done["answer"], worker.effects) == (answer, [])


def test_code_that_was_asked_about_stays_asked_about_when_the_run_goes_on_without_the_rule(worker):
    code = ["mail('ann')", "final_answer(1)"]
    worker.run("start", code=code, interrupt_on={"python_interpreter": True})
    options = {"code": code, "from_reply": 1, "interrupt_on": {"python_interpreter": False}}
    assert worker.run("resume", **options)["pending"][0]["action_requests"][0]["args"]["code"] == code[0]
    assert worker.run("resume", **options, decision={"type": "reject"})["answer"] == 1
    assert worker.effects == []


def test_a_question_about_a_crash_stays_asked_when_the_tool_says_otherwise(worker):
    code = ["x = careful(1)", "final_answer(x)"]
    assert worker.run("start", code=code, kill_in=1) is None
    options = {"code": code, "from_reply": 1}
    assert worker.run("resume", **options)["outcome"] == "interrupted"
    told = {"type": "respond", "message": "it ran"}
    assert worker.run("resume", **options, on_unknown="rerun", decision=told)["answer"] == "it ran"
    assert worker.effects == ["careful-1"]


def test_one_question_after_another_keeps_the_answers_apart(worker):
    code = ["a = mail('a')\nb = charge(5)\nc = mail('c')\nd = mail('d')", "final_answer((a, b, c, d))"]
    options = {"code": code, "interrupt_on": ON}
    worker.run("start", **options)
    options["from_reply"] = 1
    assert worker.run("resume", **options, decision={"type": "respond", "message": "A"})["pending"][0]["lines"] == [3]
    again = worker.run("resume", **options)
    assert again["pending"][0]["action_requests"][0]["args"] == {"to": "c"}
    worker.run("resume", **options, decision={"type": "approve"})
    done = worker.run("resume", **options, decision={"type": "respond", "message": "D"})
    assert done["answer"] == ["A", 1, 2, "D"]
    assert worker.effects == ["charge-5", "mail-c"]


def test_calls_that_wait_together_are_one_question(worker):
    code = [
        TOGETHER,
        "final_answer(sent)",
    ]
    asked = worker.run("start", code=code, interrupt_on=ON)
    requests = asked["pending"][0]["action_requests"]
    assert sorted(request["args"]["to"] for request in requests) == ["a", "b", "c"]
    decisions = [{"type": "respond", "message": request["args"]["to"].upper()} for request in requests]
    done = worker.run("resume", code=code, from_reply=1, interrupt_on=ON, decision={"decisions": decisions})
    assert done["answer"] == ["A", "B", "C"]
    assert worker.effects == []


def test_a_kill_after_an_answer_neither_asks_nor_sends_again(worker):
    code = ["mail('a')\nkill()\ncharge(1)\nmail('b')", "final_answer('done')"]
    options = {"code": code, "interrupt_on": ON, "from_reply": 1}
    worker.run("start", code=code, interrupt_on=ON)
    assert worker.run("resume", **options, decision={"type": "approve"}) is None
    asked = worker.run("resume", **options)
    assert asked["pending"][0]["action_requests"][0]["args"] == {"to": "b"}
    assert worker.effects == ["mail-a", "charge-1"]
    assert worker.run("resume", **options, decision={"type": "approve"})["answer"] == "done"
    assert worker.effects == ["mail-a", "charge-1", "mail-b"]


def test_whole_code_can_wait_and_be_changed(worker):
    on = {"python_interpreter": True}
    code = ["x = charge(100)", "final_answer(x)"]
    asked = worker.run("start", code=code, interrupt_on=on)
    assert asked["pending"][0]["action_requests"][0]["args"] == {"code": "x = charge(100)"}
    edited = {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": "x = charge(1)"}}}
    asked = worker.run("resume", code=code, from_reply=1, interrupt_on=on, decision=edited)
    assert worker.effects == ["charge-1"]
    assert "A person has changed the code" in asked["steps"][0]["observation"]
    assert worker.run("resume", code=code, from_reply=2, interrupt_on=on, decision={"type": "approve"})["answer"] == 1
