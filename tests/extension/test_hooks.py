"""Hooks before and after the model and actions, in both branches."""

import asyncio
import operator
import subprocess
import sys
from pathlib import Path
from typing import Annotated, TypedDict

import pytest
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    before_model,
)
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Command, interrupt

from lumo_graph import Agent, arun, create_lumo_agent, resume, run
from lumo_graph.dialects import Answer, RunCode, Unparsable
from lumo_graph.errors import ConfigurationError
from lumo_graph.hooks import Middleware
from lumo_graph.middleware import CodeActionMiddleware
from lumo_graph.state import AgentState
from lumo_graph.testing import ScriptedModel
from lumo_graph.types import Execution

CONFIG = {"configurable": {"thread_id": "t"}}


def code(text):
    return f"```python\n{text}\n```"


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def call(number):
    return AIMessage("", tool_calls=[{"name": "double", "args": {"number": number}, "id": "c1"}])


class Counting(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]


class Watch(Middleware):
    state_schema = Counting

    def before_model(self, state, runtime):
        return {"seen": ["before model"]}

    def after_model(self, state, runtime):
        return {"seen": [f"after model: {state['action']['kind']}"]}

    def before_action(self, state, runtime):
        return {"seen": ["before action"]}

    def after_action(self, state, runtime):
        return {"seen": ["after action"]}


SCRIPTS = {
    "code-agent": [code("x = double(number=4)\nprint(x)"), code("final_answer(x)")],
    "function-calling": [call(4), "8"],
}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("agent_type", SCRIPTS)
def test_every_hook_runs_at_its_place_and_what_it_keeps_is_in_the_checkpoint(agent_type, way):
    model = ScriptedModel(SCRIPTS[agent_type])
    agent = create_lumo_agent(
        model, [double], agent_type=agent_type, middleware=[Watch()], checkpointer=InMemorySaver()
    )
    if way == "invoke":
        result = agent.invoke({"task": "go"}, CONFIG)
    else:
        result = asyncio.run(agent.ainvoke({"task": "go"}, CONFIG))
    assert str(result["answer"]) == "8"
    kinds = ["run_code", "run_code"] if agent_type == "code-agent" else ["call_tools", "answer"]
    expected = [["before model", f"after model: {kind}", "before action", "after action"] for kind in kinds]
    assert agent.get_state(CONFIG).values["seen"] == [*expected[0], *expected[1]]


def test_before_hooks_run_in_order_and_after_hooks_the_other_way_round():
    ran = []

    def named(title):
        class Titled(Middleware):
            name = title

            def before_action(self, state, runtime):
                ran.append(f"before {title}")

            def after_action(self, state, runtime):
                ran.append(f"after {title}")

        return Titled()

    run("go", ScriptedModel([code("final_answer(1)")]), agent_type="code", middleware=[named("a"), named("b")])
    assert ran == ["before a", "before b", "after b", "after a"]


def test_a_hook_forbids_code_and_the_model_is_told_why():
    class Guard(Middleware):
        def before_action(self, state, runtime):
            if "subprocess" in state["action"].get("code", ""):
                return {"action": Unparsable("Start no processes.")}
            return None

    with ScriptedModel([code("import subprocess"), code("final_answer(1)")]) as model:
        result = run("go", model, agent_type="code-agent", middleware=[Guard()])
    assert (result.answer, result.steps[0].error, result.isolation is not None) == (1, "Unparsable", True)
    assert "Start no processes." in model.calls[1][-1].text


def test_a_hook_changes_the_code_and_what_is_observed_of_it():
    class Change(Middleware):
        def after_model(self, state, runtime):
            return {"action": RunCode(state["action"]["code"].replace("'secret'", "'s3'"))}

        def after_action(self, state, runtime):
            execution = Execution.from_dict(state["execution"])
            shown = execution.to_dict() | {"stdout": execution.stdout.replace("s3", "***")}
            return {"execution": shown}

    with ScriptedModel([code("word = 'secret'\nprint(word)"), code("final_answer(word)")]) as model:
        result = run("go", model, agent_type="code-agent", middleware=[Change()])
    assert result.answer == "s3"
    assert "***" in model.calls[1][-1].text
    assert "'s3'" in result.steps[0].code


@pytest.mark.parametrize("agent_type", SCRIPTS)
def test_a_hook_may_answer_in_the_place_of_an_action(agent_type):
    class Stop(Middleware):
        def after_model(self, state, runtime):
            last = state["messages"][-1]
            return {"action": Answer("enough"), "messages": [AIMessage("Enough.", id=last.id)]}

    model = ScriptedModel(SCRIPTS[agent_type][:1])
    result = run("go", model, tools=[double], agent_type=agent_type, middleware=[Stop()])
    assert (result.answer, result.outcome, result.isolation) == ("enough", "answered", None)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_hook_asks_a_person_and_a_run_that_goes_on_elsewhere_does_not_run_it_again(way, tmp_path):
    ran = []

    class Ask(Middleware):
        def before_action(self, state, runtime):
            ran.append("before")
            said = interrupt({"run this?": state["action"]["code"]})
            return None if said == "yes" else {"action": Unparsable(said)}

        def after_action(self, state, runtime):
            ran.append("after")

    agent = create_lumo_agent(
        ScriptedModel([code("x = 1"), code("final_answer(x)")]),
        agent_type="code",
        middleware=[Ask()],
        checkpointer=InMemorySaver(),
    )

    def go(given):
        return agent.invoke(given, CONFIG) if way == "sync" else asyncio.run(agent.ainvoke(given, CONFIG))

    asked = go({"task": "go"})
    assert asked["__interrupt__"][0].value == {"run this?": "x = 1"}
    go(Command(resume="yes"))
    assert go(Command(resume="yes"))["answer"] == 1
    assert ran == ["before", "before", "after", "before", "before", "after"]  # LangGraph's own rule: up to the question


def test_an_async_hook_runs_on_the_loop_and_is_refused_without_one():
    class Slow(Middleware):
        async def abefore_model(self, state, runtime):
            await asyncio.sleep(0)
            return {"messages": [HumanMessage("Be brief.")]}

    with ScriptedModel([code("final_answer(1)")]) as model:
        assert asyncio.run(arun("go", model, agent_type="code", middleware=[Slow()])).answer == 1
    assert "Be brief." in model.calls[0][-1].text
    with pytest.raises(ConfigurationError, match="Slow.before_model is async only: use ainvoke"):
        run("go", ScriptedModel([]), agent_type="code", middleware=[Slow()])


def test_a_hook_sees_the_context_of_the_run_through_a_parent():
    class Context(TypedDict):
        user: str

    seen = []

    class Look(Middleware):
        def before_model(self, state, runtime):
            seen.append(runtime.context)

    agent = create_lumo_agent(ScriptedModel([code("final_answer(1)")]), agent_type="code", middleware=[Look()])
    builder = StateGraph(AgentState, context_schema=Context)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    builder.add_edge("agent", END)
    builder.compile().invoke({"messages": [HumanMessage("go")]}, context={"user": "ada"})
    assert seen == [{"user": "ada"}]


def test_a_hook_that_fails_ends_the_run_and_resume_goes_on_with_it():
    class Fails(Middleware):
        broken = True

        def before_action(self, state, runtime):
            if self.broken:
                raise RuntimeError("the ledger is away")

    fails, saver = Fails(), InMemorySaver()
    options = {"checkpointer": saver, "middleware": [fails]}
    with ScriptedModel([code("final_answer(1)")]) as model:
        with pytest.raises(RuntimeError, match="the ledger is away"):
            run("go", model, agent_type="code", thread_id="t", **options)
        fails.broken = False
        assert resume("t", model, **options).answer == 1


def test_a_run_that_stands_at_a_hook_is_not_ended_where_the_hook_is_not_there():
    class Fails(Middleware):
        def before_action(self, state, runtime):
            raise RuntimeError("away")

    saver = InMemorySaver()
    with pytest.raises(RuntimeError, match="away"):
        run(
            "go", ScriptedModel([code("1")]), agent_type="code", thread_id="t", checkpointer=saver, middleware=[Fails()]
        )
    for decision in (None, {"type": "approve"}):
        with pytest.raises(ConfigurationError, match="Resume it with the middleware"):
            resume("t", ScriptedModel([]), checkpointer=saver, decision=decision)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("text", "returned 'text'"),
        ({"counters": {}}, "writes 'counters'. It may write messages, action"),
        ({"execution": None}, "writes 'execution'. It may write messages, action"),
        ({"action": "x = 1"}, "must be a RunCode, Answer or Unparsable"),
        ({"action": {"kind": "call_tools"}}, "must be a RunCode, Answer or Unparsable"),
        ({"action": {"kind": "nothing"}}, "Not a stored action"),
        ({"messages": [HumanMessage("And now?")]}, "adds a message ('And now?')"),
    ],
)
def test_a_hook_changes_nothing_that_it_may_not(changes, message):
    class Wrong(Middleware):
        def before_action(self, state, runtime):
            return changes

    with pytest.raises(ConfigurationError) as caught:
        run("go", ScriptedModel([code("1")]), agent_type="code", middleware=[Wrong()])
    assert message in str(caught.value)
    assert "Wrong.before_action" in str(caught.value) or "Not a stored action" in str(caught.value)


@pytest.mark.parametrize(
    ("point", "changes", "message"),
    [
        ("before_model", lambda _: [RemoveMessage(REMOVE_ALL_MESSAGES)], "takes out every message"),
        ("after_action", lambda _: [RemoveMessage(REMOVE_ALL_MESSAGES)], "takes out the message '__remove_all__'"),
        ("after_model", lambda _: [RemoveMessage("nobody")], "takes out the message 'nobody', which is not there"),
        ("after_action", lambda last: [AIMessage("no calls", id=last.id)], "that have been made"),
        ("after_action", lambda last: [RemoveMessage(last.id)], "that have been made"),
    ],
)
def test_no_hook_leaves_a_thread_that_cannot_go_on(point, changes, message):
    def change(_, state, runtime):
        return {"messages": changes(state["messages"][-1])}

    wrong = type("Wrong", (Middleware,), {point: change})
    saver = InMemorySaver()
    with pytest.raises(ConfigurationError, match=message):
        run("go", ScriptedModel([call(4)]), tools=[double], middleware=[wrong()], checkpointer=saver, thread_id="t")
    right = type("Wrong", (Middleware,), {point: lambda *_: None})
    model = ScriptedModel(["8"] if point != "before_model" else [call(4), "8"])
    assert resume("t", model, tools=[double], middleware=[right()], checkpointer=saver).answer == "8"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": Unparsable("no")}, "would stay without a result"),
        ({"action": RunCode("1")}, "Only code can become code"),
    ],
)
def test_tool_calls_do_not_stay_without_a_result(changes, message):
    class Wrong(Middleware):
        def before_action(self, state, runtime):
            return changes

    with pytest.raises(ConfigurationError, match=message):
        run("go", ScriptedModel([call(1)]), tools=[double], middleware=[Wrong()])


@before_model
def told(state, runtime):
    return {"messages": [HumanMessage("From a decorator.")]}


def test_hooks_of_langchain_run_as_they_are():
    with ScriptedModel([code("print('done')"), code("final_answer(1)")]) as model:
        mask = PIIMiddleware("email", strategy="redact")
        result = run("Write to ada@example.org", model, agent_type="code", middleware=[mask, told])
    assert result.answer == 1
    seen = [message.text for message in model.calls[0]]
    assert any("[REDACTED_EMAIL]" in text for text in seen)
    assert not any("ada@example.org" in text for text in seen)
    assert any("From a decorator." in text for text in seen)


def test_langchain_summarizes_a_long_thread_of_ours():
    summary = SummarizationMiddleware(
        model=ScriptedModel(["It was long."]), trigger=("messages", 4), keep=("messages", 1)
    )
    with ScriptedModel([code("x = 1"), code("y = 2"), code("final_answer(x + y)")]) as model:
        assert run("go", model, agent_type="code", middleware=[summary]).answer == 3
    assert any("It was long." in message.text for message in model.calls[2])
    assert len(model.calls[2]) < 5


class Wraps(AgentMiddleware):
    def wrap_model_call(self, request, handler):
        return handler(request)


@pytest.mark.parametrize(
    ("middleware", "message"),
    [
        ([CodeActionMiddleware()], "has before_agent, which is not called here"),
        ([Wraps()], "has wrap_model_call, which is not called here"),
        ([TodoListMiddleware()], "has wrap_model_call, which is not called here"),
        ([HumanInTheLoopMiddleware({"double": True})], "has wrap_tool_call, which is not called here"),
        ([Middleware()], "has no hook"),
        ([Watch], "give an object"),
        ([Watch(), Watch()], "Two middlewares are named 'Watch'"),
        (Watch(), "middleware must be a list"),
        ([object()], "has no hook"),
        ([type("Odd", (Watch,), {"state_schema": 5})()], "must be a TypedDict"),
        ([type("Odd", (Watch,), {"name": "a:b"})()], "no ':'"),
    ],
)
def test_what_cannot_be_done_here_is_refused_before_any_work(middleware, message):
    with pytest.raises(ConfigurationError) as caught:
        create_lumo_agent(ScriptedModel([]), middleware=middleware)
    assert message in str(caught.value)


def test_a_hook_of_langchain_that_jumps_is_told_what_there_is_instead():
    limit = ModelCallLimitMiddleware(run_limit=1)
    model = ScriptedModel([code("1"), code("final_answer(2)")])
    with pytest.raises(ConfigurationError, match="ModelCallLimitMiddleware.before_model jumps, .* Limits bound it"):
        run("go", model, agent_type="code", middleware=[limit])


PROGRAM = """
import os, sys
from lumo_graph import resume, run
from lumo_graph.hooks import Middleware
from lumo_graph.testing import ScriptedModel

class Note(Middleware):
    def before_model(self, state, runtime):
        with open("notes", "a") as notes:
            print("asked", file=notes)

    def before_action(self, state, runtime):
        if sys.argv[1] == "first":
            os.kill(os.getpid(), 9)

options = dict(checkpointer="sqlite:///runs.db", middleware=[Note()])
if sys.argv[1] == "first":
    run("go", ScriptedModel(["```python\\nfinal_answer(3)\\n```"]), agent_type="code", thread_id="t", **options)
print(resume("t", ScriptedModel([]), **options).answer)
"""


def test_a_hook_that_is_done_is_not_run_again_after_a_kill(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}

    def go(which):
        return subprocess.run(
            [sys.executable, "program.py", which],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    assert go("first").returncode == -9
    done = go("second")
    assert done.stdout.strip() == "3", done.stderr
    assert (tmp_path / "notes").read_text() == "asked\n"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_agent_and_the_agent_that_it_calls_have_hooks_of_their_own_and_a_question_inside_is_answered(way):
    ran = []

    def watching(title, *, asks=False):
        class Watching(Middleware):
            def before_action(self, state, runtime):
                ran.append(title)
                if asks:
                    ran.append(interrupt("may it?"))

        return Watching()

    helper = create_lumo_agent(
        ScriptedModel([code("final_answer(41)")]), agent_type="code", middleware=[watching("helper", asks=True)]
    )
    lead = create_lumo_agent(
        ScriptedModel([code("x = helper('go')\nprint(x)"), code("final_answer(x + 1)")]),
        agents=[Agent("helper", "Helps.", helper)],
        agent_type="code",
        middleware=[watching("lead")],
        checkpointer=InMemorySaver(),
    )

    def go(given):
        return lead.invoke(given, CONFIG) if way == "sync" else asyncio.run(lead.ainvoke(given, CONFIG))

    asked = go({"task": "go"})
    assert asked["__interrupt__"][0].value == "may it?"
    assert go(Command(resume="it may"))["answer"] == 42
    assert ran == ["lead", "helper", "helper", "it may", "lead"]
