"""Our interpreter in agents of LangChain's `create_agent`."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.middleware import CodeActionMiddleware
from lumo_graph.middleware.joining import joined_code
from lumo_graph.testing import ScriptedModel

CONFIG = {"configurable": {"thread_id": "t"}}


def asking(*codes):
    calls = [{"name": "python_interpreter", "args": {"code": c}, "id": f"c{n}"} for n, c in enumerate(codes)]
    return AIMessage("", tool_calls=calls)


def agent(*replies, tools=(), middleware=None, **options):
    code = middleware or CodeActionMiddleware()
    return create_agent(ScriptedModel(list(replies)), list(tools), middleware=[code], **options)


def told(state):
    return [m.text for m in state["messages"] if isinstance(m, ToolMessage)]


def ask(graph, text="x", config=None):
    return graph.invoke({"messages": [("user", text)]}, config)


def test_code_runs_and_its_variables_stay():
    state = ask(agent(asking("a = 6"), asking("a * 7"), "42"))
    assert "42" in told(state)[1]
    assert state["messages"][-1].text == "42"


def test_they_stay_for_the_next_run_and_in_another_agent_on_the_same_store():
    saver = InMemorySaver()
    ask(agent(asking("a = 6"), "Six.", checkpointer=saver), config=CONFIG)
    state = ask(agent(asking("a * 7"), "42", checkpointer=saver), config=CONFIG)
    assert "42" in told(state)[1]


def test_a_fork_has_the_variables_of_its_moment():
    graph = agent(asking("a = 1"), asking("a = 2"), "Done.", asking("a"), "One.", checkpointer=InMemorySaver())
    ask(graph, config=CONFIG)
    earlier = next(s for s in graph.get_state_history(CONFIG) if len(told(s.values)) == 1 and s.next == ("model",))
    config = graph.update_state(earlier.config, {"messages": [("user", "and now?")]})
    state = graph.invoke(None, config)
    assert "1" in told(state)[-1]


def test_code_calls_the_tools_of_the_agent(send, sent):
    graph = agent(asking("[send(text=t) for t in 'ab']"), "Sent.", tools=[send])
    state = ask(graph)
    assert sent == ["a", "b"]
    assert "a was sent" in told(state)[0]


def test_the_model_is_told_of_the_interpreter_below_the_system_prompt(send):
    model = ScriptedModel(["Hello."])
    ask(create_agent(model, [send], system_prompt="Be brief.", middleware=[CodeActionMiddleware()]))
    system = model.calls[0][0].text
    assert system.startswith("Be brief.\n\n# Python")
    assert "def send(text: str) -> str:" in system
    assert "final_answer" not in system


def test_failing_code_comes_with_what_is_needed_to_repair_it():
    state = ask(agent(asking("prices = {}\nprices['tea']"), "No."))
    assert "error: KeyError on line 2" in told(state)[0]
    assert "Repair this KeyError on line 2." in told(state)[0]
    assert [m.status for m in state["messages"] if isinstance(m, ToolMessage)] == ["error"]


def test_several_pieces_of_code_in_one_reply_are_one():
    state = ask(agent(asking("a = 1", "a + 1"), "Two."))
    assert len(told(state)) == 1
    assert "2" in told(state)[0]


def test_code_that_some_providers_say_twice_is_joined_in_both_places():
    reply = asking("a = 1", "a")
    reply = reply.model_copy(update={"content": [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "c0", "name": "python_interpreter", "input": {"code": "a = 1"}},
        {"type": "tool_use", "id": "c1", "name": "python_interpreter", "input": {"code": "a"}},
    ]})  # fmt: skip
    joined = joined_code(reply)
    assert joined.tool_calls[0]["args"] == {"code": "a = 1\na"}
    assert [block.get("input") for block in joined.content] == [None, {"code": "a = 1\na"}]
    assert joined_code(asking("a = 1")) is None


def test_a_question_in_the_middle_of_the_code_makes_no_call_again(send, sent):
    """What langchain-quickjs does twice."""

    def look() -> int:
        """Look."""
        sent.append("looked")
        return 7

    code = CodeActionMiddleware(interrupt_on={"send": True})
    options = {"tools": [look, send], "middleware": code, "checkpointer": InMemorySaver()}
    graph = agent(asking("n = look()\nprint(send(text=str(n)))"), "Sent.", **options)
    asked = ask(graph, config=CONFIG)
    assert asked["__interrupt__"][0].value["action_requests"][0]["args"] == {"text": "7"}
    assert sent == ["looked"]
    state = graph.invoke(Command(resume={"type": "approve"}), CONFIG)
    assert sent == ["looked", "7"]
    assert "7 was sent" in told(state)[0]


def test_a_crash_in_the_middle_of_the_code_makes_no_call_again(send, sent):
    crash = [True]

    def fragile() -> int:
        """Fragile."""
        if crash.pop() if crash else False:
            raise KeyboardInterrupt
        return 7

    graph = agent(asking("send('a')\nfragile()"), "Sent.", tools=[fragile, send], checkpointer=InMemorySaver())
    with pytest.raises(KeyboardInterrupt):
        graph.invoke({"messages": [("user", "x")]}, CONFIG, durability="sync")
    state = graph.invoke(None, CONFIG)
    assert sent == ["a"]
    assert "7" in told(state)[0]


def test_langchains_own_approval_of_the_code_works_with_it(send, sent):
    model = ScriptedModel([asking("send('a')"), "Sent."])
    graph = create_agent(
        model, [send], checkpointer=InMemorySaver(),
        middleware=[CodeActionMiddleware(), HumanInTheLoopMiddleware(interrupt_on={"python_interpreter": True})],
    )  # fmt: skip
    ask(graph, config=CONFIG)
    assert sent == []
    graph.invoke(Command(resume={"decisions": [{"type": "approve"}]}), CONFIG)
    assert sent == ["a"]


def test_it_works_on_an_event_loop():
    async def double(n: int) -> int:
        """Twice."""
        return 2 * n

    graph = agent(asking("await double(4)"), "Eight.", tools=[double])
    state = asyncio.run(graph.ainvoke({"messages": [("user", "x")]}))
    assert "8" in told(state)[0]


def test_a_tool_that_langchain_must_give_something_is_left_to_the_model(send):
    @tool
    def where(runtime: ToolRuntime) -> str:
        """Where."""
        return str(runtime.tool_call_id)

    model = ScriptedModel(
        [asking("where()"), AIMessage("", tool_calls=[{"name": "where", "args": {}, "id": "w"}]), "Here."]
    )
    state = ask(create_agent(model, [where, send], middleware=[CodeActionMiddleware()]))
    assert "def where" not in model.calls[0][0].text
    assert "NameError" in told(state)[0]
    assert told(state)[1] == "w"


def test_only_the_named_tools_are_functions(send):
    def other() -> int:
        """Other."""
        return 1

    model = ScriptedModel(["Hello."])
    ask(create_agent(model, [send, other], middleware=[CodeActionMiddleware(tools=["other"])]))
    assert "def other" in model.calls[0][0].text
    assert "def send" not in model.calls[0][0].text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tools": "send"}, "must be a list of names"),
        ({"executor": ProcessExecutor(), "files": {"a": b""}}, "files and executor"),
        ({"limits": {"max_speed": 1}}, "Unknown limit 'max_speed'"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(options, says):
    with pytest.raises(ConfigurationError, match=says):
        CodeActionMiddleware(**options)


@pytest.mark.parametrize(
    ("options", "says"), [({"tools": ["nope"]}, "'nope'"), ({"interrupt_on": {"nope": True}}, "'nope'")]
)
def test_tools_that_the_agent_does_not_have_are_named(options, says):
    with pytest.raises(ConfigurationError, match=says):
        ask(agent("Hello.", middleware=CodeActionMiddleware(**options)))


def test_a_rule_without_a_store_is_refused(send, sent):
    graph = agent(
        asking("send('a')"), "Sent.", tools=[send], middleware=CodeActionMiddleware(interrupt_on={"send": True})
    )
    with pytest.raises(ConfigurationError, match="needs a checkpointer"):
        ask(graph)
    assert sent == []
