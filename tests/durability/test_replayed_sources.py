"""An action that runs again draws what it drew before; where it does not, that is seen, and nothing is repeated."""

import json

import pytest

DRAWS = """\
import datetime, os, random, secrets, time, uuid
import numpy
note([random.random(), str(uuid.uuid4()), time.time()])
note([datetime.datetime.now().isoformat(), os.urandom(8).hex(), secrets.token_hex(8)])
note([float(numpy.random.rand()), float(numpy.random.default_rng().random()), time.monotonic()])
print(random.random(), time.time())
note([random.choice(range(10**9)), str(uuid.uuid1()), time.time_ns(), random.Random().random()])
note(["nothing"])
"""
COUNT = 5
AROUND = """\
import asyncio, random, time, uuid
from concurrent.futures import ThreadPoolExecutor
names = [str(uuid.uuid4()) for _ in range(8)]
with ThreadPoolExecutor(4) as pool:
    list(pool.map(note, names))
def talk(n):
    print("thread", n)
    return note([n, names[n]])
with ThreadPoolExecutor(4) as pool:
    list(pool.map(talk, range(8)))
async def work(n):
    print("task", n)
    await asyncio.sleep(random.random() / 100)
    return await post(f"{n}-{names[n]}")
await asyncio.gather(*(work(n) for n in range(8)))
print(time.time())
note([time.time(), random.random()])
kill()
note(["end", time.time(), random.random()])
"""
# What each thread and task calls with is drawn as it goes, and never the same twice.
LATE = {
    "tasks": """\
import asyncio, os
file = os.open('/dev/urandom', os.O_RDONLY)
async def work():
    await asyncio.sleep(0)
    return await post(os.read(file, 8).hex())
await asyncio.gather(*(work() for _ in range(3)))
kill()
""",
    "threads": """\
import os
from concurrent.futures import ThreadPoolExecutor
file = os.open('/dev/urandom', os.O_RDONLY)
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: mail(os.read(file, 8).hex()), range(3)))
kill()
""",
}
OTHER_PATHS = {
    "id": "note(id(object()))",
    "printed id": "print(id(object()))\nnote(1)",
    "set": "note([thing.name for thing in {Thing(n) for n in range(20)}])",
    "device": "import os\nfile = os.open('/dev/urandom', os.O_RDONLY)\nnote(os.read(file, 8).hex())",
    "draws": "import os\nfor _ in range(int(open('/dev/urandom', 'rb').read(2).hex(), 16)): os.urandom(1)\nnote(1)",
}
BEFORE = """\
class Thing:
    def __init__(self, name): self.name = name
"""


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_what_was_drawn_is_drawn_again(worker, store, loop):
    options = {"code": [DRAWS, "final_answer(1)"], "loop": loop, "checkpointer": store}
    assert worker.run("start", **options, kill_at=["lumo:calls", 3]) is None
    first = worker.effects
    assert len(first) == 3
    done = worker.run("resume", **options, from_reply=1)
    assert done["steps"][0]["error"] is None
    assert worker.effects[:3] == first
    assert len(worker.effects) == COUNT


def test_kills_after_every_call_change_nothing_that_was_drawn(worker):
    options = {"code": [DRAWS, "final_answer(1)"]}
    before = []
    for nth in range(1, COUNT + 1):
        assert worker.run("resume" if before else "start", **options, kill_at=["lumo:calls", 1]) is None
        assert worker.effects[:-1] == before
        before = worker.effects
        assert len(before) == nth
    assert worker.run("resume", **options, from_reply=1)["answer"] == 1
    assert worker.effects == before


@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_call_that_nobody_heard_of_comes_again_with_the_same_arguments(worker, nth):
    options = {"code": [DRAWS, "final_answer(1)"]}
    assert worker.run("start", **options, kill_in=nth) is None
    first = worker.effects
    assert worker.run("resume", **options, from_reply=1)["answer"] == 1
    assert worker.effects[: nth + 1] == [*first, first[-1]]
    assert len(worker.effects) == COUNT + 1


def test_a_call_that_may_have_been_made_is_known_by_arguments_that_were_drawn(worker):
    code = ["import time\nx = careful(time.time_ns())", "final_answer(x)"]
    assert worker.run("start", code=code, kill_in=1) is None
    asked = worker.run("resume", code=code, from_reply=1)
    assert "may have run already" in asked["pending"][0]["action_requests"][0]["description"]
    done = worker.run("resume", code=code, from_reply=1, decision={"type": "respond", "message": "ran"})
    assert done["answer"] == "ran"
    assert len(worker.effects) == 1


def test_an_approved_call_is_the_one_that_was_asked_about(worker):
    code = ["import time, uuid\nx = mail(f'{uuid.uuid4()}@{time.time_ns()}')", "final_answer(x)"]
    options = {"code": code, "interrupt_on": {"mail": True}}
    asked = worker.run("start", **options)
    assert worker.run("resume", **options, from_reply=1, decision={"type": "approve"})["answer"] == 1
    assert worker.effects == [f"mail-{asked['pending'][0]['action_requests'][0]['args']['to']}"]


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_threads_and_tasks_are_no_other_path(worker, loop):
    options = {"code": [AROUND, "final_answer(1)"], "loop": loop}
    assert worker.run("start", **options) is None
    first = worker.effects
    done = worker.run("resume", **options, from_reply=1)
    assert done["steps"][0]["error"] is None
    assert worker.effects[:-1] == first
    assert len(set(worker.effects)) == len(first) + 1


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_what_threads_and_tasks_call_with_something_else_is_seen_and_nothing_is_repeated(worker, late):
    code = [late, "final_answer('told')"]
    assert worker.run("start", code=code) is None
    first = worker.effects
    assert len(first) == 3
    done = worker.run("resume", code=code, from_reply=1)
    step = done["steps"][0]
    assert step["error"] == "DivergenceError"
    assert "with arguments that it had not called it with before" in step["observation"]
    assert worker.effects == first
    assert done["answer"] == "told"


@pytest.mark.parametrize("path", OTHER_PATHS.values(), ids=OTHER_PATHS)
def test_another_path_is_seen_and_nothing_is_repeated(worker, path):
    code = [BEFORE, f"mail('a')\n{path}\nkill()", "final_answer('told')"]
    assert worker.run("start", code=code) is None
    first = worker.effects
    assert len(first) == 2
    done = worker.run("resume", code=code, from_reply=2)
    step = done["steps"][-2]
    assert (step["error"], step["restore"]) == ("DivergenceError", "snapshot")
    assert "mail(to='a') -> 1" in step["observation"]
    assert worker.effects == first


def test_what_a_call_without_effects_returns_now_is_no_other_path(worker):
    code = ["print(read())\nmail('a')\nprint(read())\nmail('b')\nkill()\nmail('c')", "final_answer(1)"]
    assert worker.run("start", code=code) is None
    assert worker.run("resume", code=code, from_reply=1)["answer"] == 1
    assert [one for one in worker.effects if one != "read"] == ["mail-a", "mail-b", "mail-c"]


def test_where_an_object_lies_and_where_the_session_works_is_no_other_path(worker):
    code = [
        "import os\nprint(object(), len, os.getcwd(), os.environ.get('HOME'))\nmail('a')\nkill()",
        "final_answer(1)",
    ]
    assert worker.run("start", code=code) is None
    assert worker.run("resume", code=code, from_reply=1)["answer"] == 1
    assert worker.effects == ["mail-a"]


def test_the_values_of_the_variables_are_those_that_the_calls_were_given(worker):
    code = ["import time, uuid\nwhen, name = time.time(), str(uuid.uuid4())\nnote([when, name])\nkill()",
            "final_answer([when, name])"]  # fmt: skip
    assert worker.run("start", code=code) is None
    done = worker.run("resume", code=code, from_reply=1)
    assert [step["restore"] for step in done["steps"]] == ["new", "live"]
    assert worker.effects == [json.dumps(done["answer"], separators=(",", ":"))]
