"""What the tests of the command share: a folder with a model and tools, and the command as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODELS = '''
import asyncio
from pathlib import Path
from langchain_core.messages import AIMessage
from lumo_graph.testing import ScriptedModel

CODE = "I double it.\\n```python\\nx = double(21)\\nprint('x is', x)\\n```"
ANSWER = "```python\\nfinal_answer({'x': x})\\n```"
CALL = {"name": "double", "args": {"n": 4}, "id": "a"}

class Slow(ScriptedModel):
    """Waits for its second reply until the file `go` exists."""

    async def _astream(self, messages, *args, **kwargs):
        made = sum(isinstance(message, AIMessage) for message in messages)
        while made and not Path("go").exists():
            await asyncio.sleep(0.05)
        yield_from = ScriptedModel(replies=[[CODE, ANSWER][made]])
        async for chunk in yield_from._astream(messages, *args, **kwargs):
            yield chunk

words = ScriptedModel(replies=["It is 42."])
code = ScriptedModel(replies=[CODE, ANSWER])
calls = ScriptedModel(replies=[AIMessage("I call it.", tool_calls=[CALL]), "Eight."])
endless = ScriptedModel(replies=["```python\\n1\\n```"] * 3 + ["I give up."])
slow = Slow(replies=[])
hostile = ScriptedModel(replies=[
    "\\x1b]0;title\\x07[red]x[/red]\\x1b[2J",
    "```python\\nprint('\\\\x1b[2J[bold]')\\n```",
])

def one_of_two(messages):
    made = sum(message.type == "ai" for message in messages)
    code = ["a = double(1)\\nb = double(2)", "final_answer(str((a, b)))"][made]
    return f"```python\\n{code}\\n```"

twice = ScriptedModel(replies=[one_of_two] * 2)

def make():
    return words

def broken():
    return 1 / 0
'''

TOOLS = '''
def double(n: int) -> int:
    """Twice the number."""
    print("a tool prints")
    return 2 * n
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with `models.py` and `mytools.py` in it; threads are stored in it too."""
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "mytools.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def environment(folder):
    """The environment of a process that runs the command in the folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "TERM": "xterm-256color"}


@pytest.fixture
def lumo(folder, environment):
    """Runs the command as a process, to its end."""

    def run(*args, stdin="", **more):
        return subprocess.run(
            [sys.executable, "-m", "lumo_graph.cli", *args],
            cwd=folder,
            env={**environment, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
