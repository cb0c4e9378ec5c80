"""A checkpointer that somebody else wrote: runs, kills, approvals, time travel and variables work with it."""

import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.types import Command

from lumo_graph import create_lumo_agent, resume, run
from lumo_graph.testing import ScriptedModel
from tests.extension.folders import FolderSaver

HERE = Path(__file__).parent


def code(text):
    return f"```python\n{text}\n```"


def charge(amount: int) -> int:
    """Charge."""
    with Path("charges").open("a") as charges:
        print(amount, file=charges)
    return amount


@pytest.fixture
def saver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return FolderSaver(tmp_path / "threads")


def test_variables_come_back_from_it_and_a_fork_has_those_of_then(saver):
    replies = [code("x = [1]"), code("final_answer(x)"), code("x.append(2)\nfinal_answer(x)")]
    assert run("go", ScriptedModel(replies[:2]), agent_type="code", checkpointer=saver, thread_id="t").answer == [1]
    agent = create_lumo_agent(ScriptedModel(replies[2:] * 2), agent_type="code", checkpointer=saver)
    config = {"configurable": {"thread_id": "t"}}
    before = agent.get_state(config).config
    assert agent.invoke({"task": "more"}, config)["answer"] == [1, 2]
    assert agent.invoke({"task": "more"}, before)["answer"] == [1, 2]


def test_an_approval_waits_in_it_and_no_call_before_the_question_is_made_again(saver):
    options = {"tools": [charge], "checkpointer": saver}
    rules = {"charge": {"allowed_decisions": ["approve"], "when": lambda args: args["amount"] > 10}}
    model = ScriptedModel([code("a = charge(amount=1)\nb = charge(amount=50)"), code("final_answer(a + b)")])
    asked = run("go", model, agent_type="code", thread_id="t", interrupt_on=rules, **options)
    assert asked.outcome == "interrupted"
    done = resume("t", model, decision={"type": "approve"}, interrupt_on=rules, **options)
    assert done.answer == 51
    assert Path("charges").read_text().split() == ["1", "50"]


def test_an_embedded_agent_uses_its_parents(saver):
    agent = create_lumo_agent(
        ScriptedModel([code("charge(amount=3)"), code("final_answer('paid')")]),
        [charge],
        agent_type="code",
        interrupt_on={"charge": True},
        checkpointer=saver,
    )
    config = {"configurable": {"thread_id": "t"}}
    agent.invoke({"task": "go"}, config)
    assert agent.invoke(Command(resume={"type": "approve"}), config)["answer"] == "paid"


PROGRAM = """
import os, sys
from pathlib import Path
from lumo_graph import resume, run
from lumo_graph.testing import ScriptedModel
from tests.extension.folders import FolderSaver

def charge(amount: int) -> int:
    '''Charge.'''
    with open("charges", "a") as charges:
        print(amount, file=charges)
    return amount

def check(amount: int) -> int:
    '''Check.'''
    if sys.argv[1] == "first":
        os.kill(os.getpid(), 9)
    return amount

code = "a = charge(amount=7)\\nb = check(amount=a)"
options = dict(tools=[charge, check], checkpointer=FolderSaver(Path("threads")))
last = "```python\\nfinal_answer(a + b)\\n```"
if sys.argv[1] == "first":
    run("go", ScriptedModel([f"```python\\n{code}\\n```", last]), agent_type="code", thread_id="t", **options)
print(resume("t", ScriptedModel([last]), **options).answer)
"""


def test_a_run_that_was_killed_inside_an_action_goes_on_from_it(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def go(which):
        return subprocess.run(
            [sys.executable, "program.py", which],
            cwd=tmp_path,
            env={"PYTHONPATH": str(HERE.parents[1]), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    assert go("first").returncode == -9
    done = go("second")
    assert done.stdout.strip() == "14", done.stderr
    assert (tmp_path / "charges").read_text().split() == ["7"]
