"""A host that is killed in the middle of an action: nothing is lost, and nothing happens twice."""

import pytest

CHARGES = """\
seen = []
for amount in (1, 2, 3):
    seen.append(charge(amount))
kill()
for amount in (4, 5):
    seen.append(charge(amount))
"""

TOGETHER = """\
import asyncio
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    first = list(pool.map(charge, range(8)))
second = await asyncio.gather(*(post(str(n)) for n in range(8)))
kill()
third = await asyncio.gather(*(post(str(n)) for n in range(8, 12)))
"""
# `first_time` has no effects, so it is asked again in the second run, and the code takes another path there.
OTHER_PATH = """\
charge(1)
mail('a' if first_time() else 'b')
kill()
charge(2)
"""


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_calls_that_were_made_are_not_made_again(worker, store, loop):
    code = ["before = [1]", CHARGES, "final_answer((before, seen))"]
    assert worker.run("start", code=code, loop=loop, checkpointer=store) is None
    assert worker.effects == ["charge-1", "charge-2", "charge-3"]
    done = worker.run("resume", code=code, from_reply=2, loop=loop, checkpointer=store)
    assert done["answer"] == [[1], [1, 2, 3, 4, 5]]
    assert worker.effects == [f"charge-{amount}" for amount in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_calls_from_threads_and_tasks_are_not_made_again_either(worker, loop):
    code = [
        TOGETHER,
        "final_answer(len(first + second + third))",
    ]
    assert worker.run("start", code=code, loop=loop) is None
    assert len(worker.effects) == 16
    assert worker.run("resume", code=code, from_reply=1, loop=loop)["answer"] == 20
    assert sorted(worker.effects) == sorted([f"charge-{n}" for n in range(8)] + [f"post-{n}" for n in range(12)])


def test_a_call_that_is_made_again_has_the_same_key_and_others_have_others(worker):
    code = ["a = pay(1)\nb = pay(1)\nc = pay(2)", "final_answer((a, b, c))"]
    assert worker.run("start", code=code, kill_in=2) is None
    assert worker.run("resume", code=code, from_reply=1)["answer"] == [1, 3, 4]
    first, second, again, third = worker.keys
    assert second == again
    assert len({first, second, third}) == 3
    assert all(key.startswith("t/") for key in worker.keys)


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_function_calls_that_were_made_are_not_made_again(worker, loop):
    calls = [["charge", {"amount": 1}], ["mail", {"to": "ann"}]]
    options = {"code": [calls, [["final_answer", {"answer": 1}]]], "loop": loop, "interrupt_on": {"mail": True}}
    asked = worker.run("start", **options, agent_type="function-calling")
    assert (asked["outcome"], worker.effects) == ("interrupted", ["charge-1"])
    options["from_reply"] = 1
    assert worker.run("resume", **options, decision={"type": "approve"}, kill_at=["lumo:calls", 1]) is None
    assert worker.run("resume", **options)["answer"] == 1
    assert worker.effects == ["charge-1", "mail-ann"]


def test_an_effect_that_nobody_heard_of_is_made_again(worker):
    code = [CHARGES.replace("kill()", ""), "final_answer(seen)"]
    assert worker.run("start", code=code, kill_in=3) is None
    assert worker.run("resume", code=code, from_reply=1)["answer"] == [1, 2, 4, 5, 6]
    assert worker.effects == ["charge-1", "charge-2", "charge-3", "charge-3", "charge-4", "charge-5"]


def test_a_tool_without_effects_is_simply_called_again(worker):
    code = ["read()\ncharge(1)\nkill()\nread()", "final_answer(1)"]
    assert worker.run("start", code=code) is None
    assert worker.run("resume", code=code, from_reply=1)["answer"] == 1
    assert worker.effects == ["read", "charge-1", "read", "read"]


def test_code_that_takes_another_path_repeats_nothing_and_the_model_is_told(worker):
    code = [OTHER_PATH, "final_answer('told')"]
    assert worker.run("start", code=code) is None
    assert worker.effects == ["charge-1", "mail-a"]
    done = worker.run("resume", code=code, from_reply=1)
    assert done["steps"][0]["error"] == "DivergenceError"
    assert "charge(amount=1) -> 1" in done["steps"][0]["observation"]
    assert worker.effects == ["charge-1", "mail-a"]


def test_a_call_stands_even_if_its_tool_is_gone_when_the_run_goes_on(worker):
    calls = [["charge", {"amount": 1}], ["mail", {"to": "ann"}]]
    options = {"code": [calls, [["final_answer", {"answer": 1}]]], "interrupt_on": {"mail": True}}
    worker.run("start", **options, agent_type="function-calling")
    options["from_reply"] = 1
    done = worker.run("resume", **options, decision={"type": "respond", "message": "ok"}, without=["charge"])
    assert done["answer"] == 1
    assert "There is no tool named" not in done["steps"][0]["observation"]
    assert worker.effects == ["charge-1"]


def test_a_call_stands_even_if_its_tool_is_said_to_have_no_effects_when_the_run_goes_on(worker):
    code = ["a = charge(1)\nkill()\nb = mail('ann')", "final_answer((a, b))"]
    assert worker.run("start", code=code) is None
    assert worker.run("resume", code=code, from_reply=1, only_reads=["charge"])["answer"] == [1, 2]
    assert worker.effects == ["charge-1", "mail-ann"]


@pytest.mark.parametrize(
    ("interrupt_on", "decision"),
    [(None, None), ({"python_interpreter": True}, {"type": "reject"}),
     ({"python_interpreter": True}, {"type": "respond", "message": "no"})],
    ids=["refused by the check", "rejected", "answered"],
)  # fmt: skip
def test_the_model_is_told_which_calls_stand_of_code_that_is_not_run_again(worker, interrupt_on, decision):
    code = ["charge(1)\nkill()", "final_answer(1)"]
    assert worker.run("start", code=code) is None
    options = {"code": code, "from_reply": 1, "interrupt_on": interrupt_on}
    if decision is None:
        done = worker.run("resume", **options, without=["kill"])
    else:
        assert worker.run("resume", **options)["outcome"] == "interrupted"
        done = worker.run("resume", **options, decision=decision)
    assert "do not make them again:\n- charge(amount=1) -> 1" in done["steps"][0]["observation"]
    assert done["steps"][0]["calls"] == [["charge", {"amount": 1}, False]]
    assert worker.effects == ["charge-1"]


@pytest.mark.parametrize("on_unknown", ["ask", "fail"])
def test_a_tool_that_asks_by_itself_is_not_taken_for_one_that_a_crash_cut_short(worker, on_unknown):
    code = ["x = confirm(1)", "final_answer(x)"]
    options = {"code": code, "on_unknown": on_unknown}
    assert worker.run("start", **options)["outcome"] == "interrupted"
    assert worker.run("answer_by_id", **options, from_reply=1, decision="yes")["answer"] == 1
    assert worker.effects == ["confirm-1-yes"]


def test_a_call_that_may_have_been_made_fails_if_its_tool_says_so(worker):
    code = [
        "try:\n    careful(1)\nexcept RuntimeError as error:\n    told = str(error)\nelse:\n    told = 'ran'",
        "final_answer(told)",
    ]
    assert worker.run("start", code=code, kill_in=1, on_unknown="fail") is None
    done = worker.run("resume", code=code, from_reply=1, on_unknown="fail")
    assert "may have run already" in done["answer"]
    assert worker.effects == ["careful-1"]


@pytest.mark.parametrize(
    ("decision", "answer", "effects"),
    [({"type": "approve"}, 2, ["careful-1", "careful-1"]), ({"type": "respond", "message": "42"}, "42", ["careful-1"])],
)
def test_a_call_that_may_have_been_made_asks_a_person_if_its_tool_says_so(worker, decision, answer, effects):
    code = ["x = careful(1)", "final_answer(x)"]
    assert worker.run("start", code=code, kill_in=1) is None
    asked = worker.run("resume", code=code, from_reply=1)
    assert asked["outcome"] == "interrupted"
    assert "may have run already" in asked["pending"][0]["action_requests"][0]["description"]
    assert worker.run("resume", code=code, from_reply=1, decision=decision)["answer"] == answer
    assert worker.effects == effects


def test_a_call_is_asked_about_after_every_crash_in_it(worker):
    code = ["x = careful(1)", "final_answer(x)"]
    options = {"code": code, "from_reply": 1}
    assert worker.run("start", code=code, kill_in=1) is None
    assert worker.run("resume", **options)["outcome"] == "interrupted"
    assert worker.run("resume", **options, decision={"type": "approve"}, kill_in=2) is None
    assert worker.run("resume", **options)["outcome"] == "interrupted"
    assert worker.run("resume", **options, decision={"type": "respond", "message": "twice"})["answer"] == "twice"
    assert worker.effects == ["careful-1"] * 2


@pytest.mark.parametrize("on_unknown", ["ask", "fail"])
def test_an_approval_from_before_a_crash_is_none_for_making_the_call_again(worker, on_unknown):
    code = ["try:\n    x = careful(1)\nexcept RuntimeError as error:\n    x = str(error)", "final_answer(x)"]
    options = {"code": code, "interrupt_on": {"careful": True}, "on_unknown": on_unknown}
    worker.run("start", **options)
    options["from_reply"] = 1
    assert worker.run("resume", **options, decision={"type": "approve"}, kill_in=1) is None
    done = worker.run("resume", **options)
    if on_unknown == "ask":
        assert "may have run already" in done["pending"][0]["action_requests"][0]["description"]
        done = worker.run("resume", **options, decision={"type": "respond", "message": "may have run already"})
    assert "may have run already" in done["answer"]
    assert worker.effects == ["careful-1"]
