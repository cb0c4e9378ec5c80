"""An executor that somebody else wrote, the one of the examples, keeps the contract and whatever runs need of it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph import run
from lumo_graph.executors import ProcessExecutor
from lumo_graph.testing import ScriptedModel, check_executor

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("custom_executor", ROOT / "examples" / "custom_executor.py")
theirs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(theirs)


@pytest.fixture
def executor(tmp_path):
    return theirs.AuditedExecutor(ProcessExecutor(), tmp_path / "audit")


def test_it_keeps_the_contract(executor):
    check_executor(executor)


def test_its_files_and_its_record_are_there_after_a_run(executor, tmp_path):
    replies = [
        "```python\nopen('a.txt', 'w').write('hello')\n```",
        "```python\nfinal_answer(open('a.txt').read())\n```",
    ]
    result = run("go", ScriptedModel(replies), agent_type="code-agent", executor=executor)
    assert (result.answer, [file.name for file in result.artifacts]) == ("hello", ["a.txt"])
    assert (tmp_path / "audit").read_text().count("# done") == 2


PROGRAM = """
import importlib.util, os, sys
from pathlib import Path
from lumo_graph import resume, run
from lumo_graph.executors import ProcessExecutor
from lumo_graph.testing import ScriptedModel

spec = importlib.util.spec_from_file_location("custom_executor", sys.argv[2])
theirs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(theirs)

def draw(number: int) -> int:
    '''Draw.'''
    with open("drawn", "a") as drawn:
        print(number, file=drawn)
    return number

def check() -> None:
    '''Check.'''
    if sys.argv[1] == "first":
        os.kill(os.getpid(), 9)

code = "import random\\na = draw(random.randrange(10**9))\\ncheck()"
last = "```python\\nfinal_answer(a)\\n```"
audited = theirs.AuditedExecutor(ProcessExecutor(), Path("audit"))
options = dict(tools=[draw, check], checkpointer="sqlite:///runs.db", executor=audited)
if sys.argv[1] == "first":
    run("go", ScriptedModel([f"```python\\n{code}\\n```", last]), agent_type="code", thread_id="t", **options)
print(resume("t", ScriptedModel([last]), **options).answer)
"""


def test_a_killed_action_takes_the_same_path_again_and_repeats_no_call(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def go(which):
        return subprocess.run(
            [sys.executable, "program.py", which, str(ROOT / "examples" / "custom_executor.py")],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip

    assert go("first").returncode == -9
    done = go("second")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == (tmp_path / "drawn").read_text().split()
