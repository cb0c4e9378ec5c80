"""The check before an action, in the graph: what it refuses never reaches a session."""

import pytest

from lumo_graph import create_lumo_agent, run
from lumo_graph.executors import ProcessExecutor
from lumo_graph.nodes.execute import difference
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


class CountingExecutor:
    """Opens real sessions and counts them."""

    def __init__(self):
        self.opened = 0
        self.executor = ProcessExecutor(require="none")
        self.packages = ()

    def open(self, namespace=None, *, tools=(), limits):
        self.opened += 1
        return self.executor.open(namespace, tools=tools, limits=limits)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def send(sent):
    def send(text: str) -> str:
        """Send a message."""
        sent.append(text)
        return "ok"

    return send


def test_an_action_that_is_certain_to_fail_has_no_effects(send, sent):
    executor = CountingExecutor()
    model = ScriptedModel([code("send('a')\nprint(totl)"), code("final_answer(send('b'))")])
    result = run("go", model, tools=[send], agent_type="code-agent", executor=executor)
    assert (result.answer, sent, executor.opened) == ("ok", ["b"], 1)
    step = result.steps[0]
    assert (step.error, step.calls) == ("NameError", ())
    assert "NameError on line 2" in step.observation
    assert "Nothing of the block was run." in step.observation
    assert "Send the whole block again, corrected." in model.calls[1][-1].text


def test_the_variables_of_earlier_actions_are_known_to_the_check(send, sent):
    model = ScriptedModel([code("total = 1"), code("send('a')\nprint(totl)"), code("final_answer(total)")])
    result = run("go", model, tools=[send], agent_type="code-agent")
    assert (result.answer, sent) == (1, [])
    assert "`total`" in model.calls[2][-1].text


def test_without_the_check_the_code_is_run_up_to_its_error(send, sent):
    model = ScriptedModel([code("send('a')\nprint(totl)"), code("final_answer(1)")])
    result = run("go", model, tools=[send], agent_type="code-agent", preflight=False)
    assert sent == ["a"]
    assert result.steps[0].error == "NameError"
    assert "Nothing of the block was run." not in result.steps[0].observation


@pytest.mark.anyio
async def test_the_check_comes_first_in_an_event_loop_too(send, sent):
    model = ScriptedModel([code("send('a')\nsend(message='b')"), code("final_answer(1)")])
    result = await create_lumo_agent(model, tools=[send], agent_type="code-agent").ainvoke({"task": "go"})
    assert sent == []
    assert result["steps"][0]["error"] == "TypeError"
    assert "Usage: send(text: str) -> str" in result["steps"][0]["observation"]


def test_syntax_is_left_to_a_session_of_another_python(send, sent):
    executor = CountingExecutor()
    executor.python_version = (3, 99)
    model = ScriptedModel([code("send('a')\nx = = 1"), code("final_answer(1)")])
    result = run("go", model, tools=[send], agent_type="code-agent", executor=executor)
    assert (sent, executor.opened, result.steps[0].error) == ([], 1, "SyntaxError")


def test_a_difference_names_what_is_gone():
    assert difference({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == {"c": "3", "b": None}
