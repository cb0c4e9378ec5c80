"""A model that works through every task in two steps, and a place for effects."""

import importlib.util
import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from lumo_graph.testing import ScriptedOpenAI

TOOLS = Path(__file__).with_name("tools.py")


def reply(body):
    """Charge, maybe stumble, charge again; then answer with both."""
    task = re.search(r"task-\w+", body["messages"][1]["content"])[0]
    if any(message["role"] == "assistant" for message in body["messages"]):
        return "```python\nfinal_answer([first, second])\n```"
    wait = "wait(seconds=8)\n" if "slow" in task else ""
    return (
        f"```python\nfirst = charge(task={task!r}, amount=1)\nstumble(task={task!r})\n{wait}"
        f"second = charge(task={task!r}, amount=2)\n```"
    )


@pytest.fixture
def tools():
    spec = importlib.util.spec_from_file_location("tools_of_the_batch", TOOLS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [module.charge, module.stumble, module.wait]


class Model:
    """The model's server. How often it is asked depends on when a worker is lost."""

    def __enter__(self):
        self.server = ScriptedOpenAI([reply] * 10_000)
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        with suppress(AssertionError):  # replies are left
            self.server.__exit__(None, None, None)

    @property
    def asked(self):
        return len(self.server.requests)

    @property
    def base_url(self):
        return self.server.base_url


@pytest.fixture
def model():
    with Model() as model:
        yield model


@pytest.fixture
def effects(tmp_path, monkeypatch):
    """What tools have done: a function that counts it."""
    file = tmp_path / "effects"
    monkeypatch.setenv("EFFECTS", str(file))
    monkeypatch.chdir(tmp_path)
    return lambda: Counter(file.read_text().splitlines() if file.exists() else [])


def once(names):
    """The effects of these tasks, each once."""
    return Counter(f"{name} {amount}" for name in names for amount in (1, 2))


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more}
