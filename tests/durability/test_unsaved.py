"""Values that cannot be stored: the rest is, and the model hears of them when they matter, with the reason."""

import subprocess
import sys

import pytest

from lumo_graph import resume, run
from lumo_graph.checkpoints import open_checkpointer
from lumo_graph.errors import ModelError, RestoreError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

ONCE = RetryPolicy(attempts=1)


def code(text):
    return f"```python\n{text}\n```"


def left(url, *actions, **options):
    """A thread that was left after these actions."""
    model = ScriptedModel([*map(code, actions), ConnectionError("down")])
    with pytest.raises(ModelError):
        run("go", model, agent_type="code-agent", checkpointer=url, thread_id="t", retry=ONCE, **options)


def stored(url):
    with open_checkpointer(url) as saver:
        return saver.get_tuple({"configurable": {"thread_id": "t"}}).checkpoint["channel_values"]


def test_they_are_listed_with_their_reasons_and_told_in_the_next_process(store):
    action = "kept = [1]\nlater = (n for n in range(3))\nmixed = {'good': 1, 'bad': open('f', 'w')}"
    left(store, action, "also = 2")
    unsaved = stored(store)["unsaved"]
    assert set(unsaved) == {"later", "mixed['bad']"}
    assert "generator" in unsaved["later"]
    model = ScriptedModel(
        [code("got = [kept, also, mixed['good']]"), code("mixed['bad'].write('x')"), code("final_answer(got)")]
    )
    done = resume("t", model, checkpointer=store)
    assert done.answer == [[1], 2, 1]
    first, second, told, used, _ = done.steps
    assert "later" in first.observation  # while they are there: that they will be gone
    assert "later" not in second.observation.partition("Variables")[0]
    for name, reason in unsaved.items():
        assert name in told.observation
        assert reason in told.observation
    assert unsaved["mixed['bad']"] in used.observation  # a use of what stands in its place says why
    assert unsaved["later"] not in used.observation  # that it is gone was told once


def test_one_that_is_too_large_is_left_out_and_the_others_are_stored(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    left(url, "import os\nsmall = 'here'\nlarge = os.urandom(1 << 20) * 300")
    (reason,) = stored(url)["unsaved"].values()
    assert "takes more than the 268435456 bytes that a namespace may have" in reason
    assert (tmp_path / "runs.db").stat().st_size < 10 << 20
    done = resume("t", ScriptedModel([code("x = small"), code("final_answer(x)")]), checkpointer=url)
    assert done.answer == "here"
    assert reason in done.steps[1].observation


def test_what_takes_too_long_to_store_undoes_the_action_and_the_model_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    slow = "class P:\n    def __reduce__(self):\n        import time\n        time.sleep(60)\np = P()\n"
    left(url, "before = 'as it was'", slow + "before = 'changed'")
    model = ScriptedModel([code("final_answer([before, 'p' in globals()])")])
    done = resume("t", model, checkpointer=url)
    assert done.answer == ["as it was", False]
    assert done.steps[1].error is not None
    assert "could not be saved: it took more than 15 s. So the action was undone" in done.steps[1].observation


ANOTHER_PYTHON = """
here = b'%d.%d' % sys.version_info[:2]
rows = store.execute("SELECT rowid, value FROM writes WHERE channel = 'namespace'").fetchall()
for row, value in rows:
    value = value.replace(b'python\\xa4' + here, b'python\\xa4' + b'9.99')
    store.execute('UPDATE writes SET value = ? WHERE rowid = ?', (value, row))
"""
NO_RECORDS = "store.execute(\"DELETE FROM writes WHERE channel = 'lumo:calls'\")\n"


def change(folder, program):
    """Change what is stored, from another process."""
    program = f"import sys, sqlite3\nstore = sqlite3.connect(sys.argv[1])\n{program}\nstore.commit()"
    subprocess.run([sys.executable, "-c", program, str(folder / "runs.db")], check=True)


def test_variables_of_another_python_are_made_again_by_the_recorded_actions(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    sent = []

    def send(text: str) -> int:
        """Send a text."""
        sent.append(text)
        return len(sent)

    left(url, "import uuid\nname = str(uuid.uuid4())", "x = send(name)", tools=[send])
    assert stored(url)["unsaved"] == {}
    change(tmp_path, ANOTHER_PYTHON)
    done = resume("t", ScriptedModel([code("final_answer([name, x])")]), checkpointer=url, tools=[send])
    assert done.answer == [*sent, 1]
    assert [step.restore for step in done.steps] == ["new", "live", "replay"]
    change(tmp_path, ANOTHER_PYTHON + NO_RECORDS)
    with pytest.raises(RestoreError, match=r"with python '9\.99', this session has python '3\..*which leaves effects"):
        run("more", ScriptedModel([code("x")]), agent_type="code-agent", checkpointer=url, tools=[send], thread_id="t")
    assert len(sent) == 1
