"""Tool results that pose as something else, in a whole run: data for the code, quoted for the model."""

import pytest

from lumo_graph import run
from lumo_graph.testing import ScriptedModel
from tests.attacks.attacks import load_attacks
from tests.attacks.headings import headings

TEXTS = {attack.id: attack.tool_result for attack in load_attacks() if attack.tool_result}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_tool_result_stays_data_in_a_run(text):
    def page(name: str) -> str:
        """Text of a page."""
        return text

    replies = [
        "```python\ntext = page('x')\nprint(text)\nlen(text)\n```",
        "```python\nfinal_answer(text == page('x'))\n```",
    ]
    with ScriptedModel(replies) as model:
        result = run("Read the page.", model=model, tools=[page], agent_type="code-agent")
    assert (result.answer, result.outcome) == (True, "answered")
    assert headings(result.steps[0].observation) == ["Observation:", "stdout:", "value of the last expression (int):"]
    assert [call.name for step in result.steps for call in step.calls] == ["page", "page"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_error_of_a_tool_stays_data_in_a_run(text):
    def page(name: str) -> str:
        """Text of a page."""
        raise ValueError(text)

    with ScriptedModel(["```python\npage('x')\n```", "```python\nfinal_answer(1)\n```"]) as model:
        result = run("Read the page.", model=model, tools=[page], agent_type="code-agent")
    found = headings(result.steps[0].observation)
    assert found[0] == "Observation:"
    assert found[1].startswith("error: ")
    assert set(found[2:]) <= {"traceback:"}


@pytest.mark.parametrize("checkpointer", [None, "memory://odd-arguments"])
def test_calls_with_arguments_that_honest_code_never_makes_do_not_end_the_run(checkpointer):
    def search(query: object = None) -> str:
        """Find something."""
        return "found"

    code = (
        "import gc\n"
        "[channel] = [o for o in gc.get_objects() if type(o).__name__ == 'Channel']\n"
        "[caller] = [o for o in gc.get_objects() if type(o).__name__ == 'ToolCaller']\n"
        "odd = [{b'k': 1}, {None: 2}, {1.5: {True: 3}}, float('nan'), 2 ** 64 - 1, b'\\xff' * 100]\n"
        "for key, query in enumerate(odd):\n"
        "    sent = ['call', caller._action, 1 << 50 | key, 'search', {'query': query}, 2 ** 63, True, b'', b'']\n"
        "    channel.send(sent)\n"
        "for key in range(3):\n    search('x')\n"
        "del channel, caller"
    )
    more = {"checkpointer": checkpointer, "thread_id": "odd"} if checkpointer else {}
    with ScriptedModel([f"```python\n{code}\n```", "```python\nfinal_answer(1)\n```"]) as model:
        result = run("go", model=model, tools=[search], agent_type="code-agent", **more)
    assert (result.answer, result.outcome) == (1, "answered")
    assert len(result.steps[0].calls) == 9
