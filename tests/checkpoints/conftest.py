"""Threads with variables, in every kind of store."""

import pytest

from lumo_graph import run
from lumo_graph.errors import ModelError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

ACTIONS = [
    "rows = [1]\nalias = rows\nword = 'one'\ngone = 0\nopen('notes', 'w').write('a')\nopen('old', 'w').write('b')",
    "rows.append(2)\ndel gone\nopen('notes', 'w').write('ac')",
    "import os\nword = 'two'\nextra = {}\nlater = (n for n in range(3))\nos.remove('old')",
]


def code(text):
    return f"```python\n{text}\n```"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def everywhere(request, tmp_path):
    """The URL of an empty store of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").new_database()
    return f"{request.param}:///{tmp_path}/runs.db"


@pytest.fixture
def url(tmp_path):
    """The URL of an empty store."""
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture
def make_thread():
    """Makes a thread with three actions behind it, whose model then fails."""

    def make(store, thread_id="t", **options):
        model = ScriptedModel([*map(code, ACTIONS), ConnectionError("down")])
        given = {"checkpointer": store, "thread_id": thread_id, "retry": RetryPolicy(attempts=1), **options}
        with pytest.raises(ModelError):
            run("the task", model, agent_type="code-agent", **given)

    return make
