"""Code by function calling: the jail, the variables, the journal and the approvals of the code agent."""

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import Limits, arun, create_lumo_agent, resume, run, stream
from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.setup import final_answer_tool
from lumo_graph.testing import ScriptedModel
from lumo_graph.toolkit import PythonInterpreter


def asking(*calls):
    """A reply with native calls; a text stands for a call of the interpreter."""
    named = [("python_interpreter", {"code": call}) if isinstance(call, str) else call for call in calls]
    return AIMessage("", tool_calls=[{"name": n, "args": a, "id": f"c{at}"} for at, (n, a) in enumerate(named)])


def told(result):
    return [(m.tool_call_id, m.text, m.status) for m in result.messages if isinstance(m, ToolMessage)]


def test_variables_stay_from_call_to_call():
    replies = [asking("total = 6 * 7"), asking("total + 1"), "It is 43."]
    result = run("x", ScriptedModel(replies), tools=[PythonInterpreter()])
    assert result.answer == "It is 43."
    assert [step.code for step in result.steps] == ["total = 6 * 7", "total + 1", None]
    assert "43" in told(result)[1][1]
    assert result.isolation is not None


def test_they_are_those_of_the_code_agent_on_the_same_thread():
    options = {"tools": [PythonInterpreter()], "checkpointer": InMemorySaver(), "thread_id": "t"}
    run("x", ScriptedModel([asking("total = 6 * 7"), "Done."]), **options)
    model = ScriptedModel(["```python\nfinal_answer(total)\n```"])
    assert run("and?", model, agent_type="code-agent", **options).answer == 42
    model = ScriptedModel([asking("total * 2"), "84"])
    assert run("twice?", model, **options).answer == "84"
    assert "`total`: " in model.calls[0][-1].text


@pytest.mark.anyio
async def test_it_works_on_an_event_loop_with_async_tools():
    async def double(n: int) -> int:
        """Twice a number."""
        return 2 * n

    replies = [asking("await double(4)"), "Eight."]
    result = await arun("x", ScriptedModel(replies), tools=[double, PythonInterpreter()])
    assert (result.answer, result.steps[0].calls[0].name) == ("Eight.", "double")


def test_code_calls_the_other_tools_as_functions_and_the_model_is_told_of_them(send, sent):
    model = ScriptedModel([asking("[send(text=name) for name in 'ab']"), "Both are sent."])
    result = run("x", model, tools=[send, PythonInterpreter()])
    assert sent == ["a", "b"]
    assert [call.args for call in result.steps[0].calls] == [{"text": "a"}, {"text": "b"}]
    assert "def send(text: str) -> str:" in model.calls[0][0].text


def test_several_calls_are_one_action_and_each_has_its_tool_message():
    result = run("x", ScriptedModel([asking("a = 2", "a * 3"), "Six."]), tools=[PythonInterpreter()])
    (first, text, _), (second, value, _) = told(result)
    assert (first, second) == ("c0", "c1")
    assert "together with that of the next call" in text
    assert "6" in value
    assert result.steps[0].code == "a = 2\na * 3"


def test_other_calls_of_the_reply_are_made_before_the_code_runs(send, sent):
    result = run(
        "x",
        ScriptedModel([asking("send('code')", ("send", {"text": "call"}), ("nonsense", {})), "Done."]),
        tools=[send, PythonInterpreter()],
    )
    assert sent == ["call", "code"]
    assert [(call_id, status) for call_id, _, status in told(result)] == [
        ("c1", "success"), ("c2", "error"), ("c0", "success"),
    ]  # fmt: skip
    assert [call.name for call in result.steps[0].calls] == ["send", "nonsense", "send"]


def test_failing_code_is_debugged_in_its_own_tool_message():
    model = ScriptedModel([asking("prices = {'tea': 2}\nprices['cake']"), asking("len(prices)"), "One."])
    result = run("x", model, tools=[PythonInterpreter()])
    assert result.answer == "One."
    (_, text, status), *_ = told(result)
    assert status == "error"
    assert "error: KeyError on line 2" in text
    assert "Repair this KeyError on line 2." in text
    assert "3 attempts are left." in text
    assert [type(message) for message in model.calls[1][-2:]] == [AIMessage, ToolMessage]


def test_code_that_fails_again_and_again_ends_the_run():
    replies = [asking("1 / 0"), asking("1 / 0"), "I cannot do it."]
    result = run("x", ScriptedModel(replies), tools=[PythonInterpreter()], limits=Limits(max_debug_attempts=1))
    assert (result.outcome, result.answer) == ("max_debug_attempts", "I cannot do it.")


@pytest.mark.parametrize("args", [{}, {"code": 7}, {"source": "1"}])
def test_a_call_without_code_is_told_so(args):
    result = run("x", ScriptedModel([asking(("python_interpreter", args)), "Well."]), tools=[PythonInterpreter()])
    assert "call it with code=..." in told(result)[0][1]


def test_final_answer_in_the_code_ends_the_run_with_the_value():
    result = run("x", ScriptedModel([asking("final_answer({'n': 3})")]), tools=[PythonInterpreter()])
    assert (result.answer, result.outcome) == ({"n": 3}, "answered")
    assert [call_id for call_id, *_ in told(result)] == ["c0"]


def test_an_answer_of_another_form_goes_back_in_the_tool_message_of_the_code():
    replies = [asking("final_answer('three')"), asking("final_answer(3)")]
    result = run("x", ScriptedModel(replies), tools=[PythonInterpreter()], response_format=int)
    assert result.answer == 3
    assert "The answer was not accepted." in told(result)[0][1]


def test_an_answer_beside_code_that_failed_is_not_taken():
    replies = [asking("1 / 0", ("final_answer", {"answer": 1})), "Nothing."]
    result = run("x", ScriptedModel(replies), tools=[PythonInterpreter()])
    assert result.answer == "Nothing."
    assert {call_id: "not taken" in text for call_id, text, _ in told(result)} == {"c0": False, "c1": True}


def test_an_answer_beside_code_that_ran_is_taken():
    result = run("x", ScriptedModel([asking("1", ("final_answer", {"answer": 1}))]), tools=[PythonInterpreter()])
    assert (result.answer, len(told(result))) == (1, 2)


def test_a_call_from_the_code_waits_for_a_person_and_those_before_it_are_not_made_again(send, sent):
    def look() -> int:
        """Look."""
        sent.append("looked")
        return 7

    options = {
        "tools": [look, send, PythonInterpreter()],
        "checkpointer": InMemorySaver(),
        "interrupt_on": {"send": True},
    }
    code = "n = look()\nanswer = send(f'{n} teas')\nprint(answer)"
    asked = run("x", ScriptedModel([asking(code)]), thread_id="t", **options)
    assert asked.pending[0]["action_requests"][0]["args"] == {"text": "7 teas"}
    assert asked.pending[0]["code"] == code
    done = resume("t", ScriptedModel(["Sent."]), decision={"type": "approve"}, **options)
    assert (done.answer, sent) == ("Sent.", ["looked", "7 teas"])
    assert "7 teas was sent" in told(done)[0][1]


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        ({"type": "approve"}, "42"),
        ({"type": "reject", "message": "too dear"}, "too dear"),
        (
            {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": "6 * 8"}}},
            "A person has changed the code.",
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_the_code_itself_may_wait_for_a_person(decision, says):
    options = {
        "tools": [PythonInterpreter()],
        "checkpointer": InMemorySaver(),
        "interrupt_on": {"python_interpreter": True},
    }
    asked = run("x", ScriptedModel([asking("6 * 7")]), thread_id="t", **options)
    assert asked.outcome == "interrupted"
    done = resume("t", ScriptedModel(["Done."]), decision=decision, **options)
    assert (done.answer, [call_id for call_id, *_ in told(done)]) == ("Done.", ["c0"])
    assert says in told(done)[0][1]


def test_the_code_is_an_event_of_the_stream():
    events = list(stream("x", ScriptedModel([asking("print(1)"), "One."]), tools=[PythonInterpreter()]))
    assert [event.type for event in events if event.type in {"code", "output"}] == ["code", "output"]


def test_without_the_tool_a_call_of_it_is_an_unknown_tool(send):
    result = run("x", ScriptedModel([asking("1"), "Well."]), tools=[send])
    assert "python_interpreter" in told(result)[0][1]
    assert told(result)[0][2] == "error"
    assert result.isolation is None


def test_code_that_waits_for_a_person_needs_the_tool_too(send, sent):
    options = {"checkpointer": InMemorySaver(), "interrupt_on": {"python_interpreter": True}}
    run("x", ScriptedModel([asking("send('a')")]), thread_id="t", tools=[send, PythonInterpreter()], **options)
    with pytest.raises(ConfigurationError, match="no PythonInterpreter now"):
        resume("t", ScriptedModel([]), decision={"type": "approve"}, tools=[send], **options)
    tools = [send, PythonInterpreter()]
    done = resume("t", ScriptedModel(["Sent."]), decision={"type": "approve"}, tools=tools, **options)
    assert (done.answer, sent) == ("Sent.", ["a"])


def test_a_reply_that_was_stored_before_its_code_needs_the_tool(send):
    agent = create_lumo_agent(ScriptedModel([asking("1")]), tools=[PythonInterpreter()], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    agent.invoke({"task": "x"}, config, interrupt_before=["call_tools"])
    other = create_lumo_agent(ScriptedModel([]), tools=[send], checkpointer=agent.checkpointer)
    with pytest.raises(ConfigurationError, match="no PythonInterpreter now"):
        other.invoke(None, config)


def test_a_code_agent_has_no_use_for_it_and_leaves_it_out():
    model = ScriptedModel(["```python\nfinal_answer(python_interpreter)\n```", "```python\nfinal_answer(1)\n```"])
    result = run("x", model, tools=[PythonInterpreter()], agent_type="code-agent")
    assert result.steps[0].error == "NameError"
    assert "python_interpreter" not in model.calls[0][0].text


def test_two_of_them_are_refused():
    with pytest.raises(ConfigurationError, match="PythonInterpreter is given twice"):
        create_lumo_agent(ScriptedModel([]), tools=[PythonInterpreter(), PythonInterpreter()])


def test_in_an_agent_it_keeps_its_name():
    with pytest.raises(ConfigurationError, match="is named 'py'"):
        create_lumo_agent(ScriptedModel([]), tools=[PythonInterpreter(name="py")])


@pytest.mark.parametrize("fenced", ["```python\n6 * 7\n```", "```\n6 * 7\n```\n", "\n```py\n6 * 7\n```"])
def test_code_that_a_model_has_fenced_runs(fenced):
    result = run("x", ScriptedModel([asking(fenced), "42"]), tools=[PythonInterpreter()])
    assert (result.steps[0].code, result.steps[0].error) == ("6 * 7", None)


@pytest.mark.parametrize("text", ["x = 1  # not\n```\na\n```\n", "```python\n1\n```\nand then"])
def test_a_fence_that_is_not_all_of_the_code_stays(text):
    result = run("x", ScriptedModel([asking(text), "Well."]), tools=[PythonInterpreter()])
    assert result.steps[0].code == text


def test_alone_each_call_has_an_interpreter_of_its_own():
    tool = PythonInterpreter()
    assert "42" in tool.invoke({"code": "a = 42\na"})
    assert "NameError" in tool.invoke({"code": "a"})


def test_alone_it_keeps_its_limits():
    tool = PythonInterpreter(limits=Limits(action_seconds=0.3, max_observation_chars=300))
    assert "TimeoutError" in tool.invoke({"code": "while True: pass"})
    assert len(tool.invoke({"code": "print('x' * 10_000)"})) <= 300


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return PythonInterpreter

    @property
    def tool_invoke_params_example(self):
        return {"code": "1 + 1"}


@pytest.mark.anyio
class TestStandardCalls(ToolsIntegrationTests):
    @property
    def tool_constructor(self):
        return PythonInterpreter

    @property
    def tool_invoke_params_example(self):
        return {"code": "1 + 1"}


class TestFinalAnswer(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return final_answer_tool(None, None)

    @property
    def tool_invoke_params_example(self):
        return {"answer": {"n": 1}}


@pytest.mark.anyio
class TestFinalAnswerCalls(ToolsIntegrationTests):
    @property
    def tool_constructor(self):
        return final_answer_tool(None, None)

    @property
    def tool_invoke_params_example(self):
        return {"answer": "done"}
