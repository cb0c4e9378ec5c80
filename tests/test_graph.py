"""The whole graph: a scripted model, real tools, the real jail, real checkpoints."""

import asyncio
import operator
import threading
from typing import Annotated, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel

from lumo_graph import Limits, create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.testing import ScriptedModel


def code(text: str) -> str:
    return f"Let me see.\n```python\n{text}\n```"


def calls(*made: tuple[str, dict]) -> AIMessage:
    return AIMessage(
        "", tool_calls=[{"name": name, "args": args, "id": f"id-{at}"} for at, (name, args) in enumerate(made)]
    )


def price(item: str) -> float:
    """Price of an item."""
    return {"tea": 2.5, "cake": 4.0}[item]


async def stock(item: str) -> dict[str, int]:
    """How many there are."""
    await asyncio.sleep(0)
    return {"shelf": len(item), "cellar": 10}


def test_the_code_agent_solves_a_task_with_tools_variables_and_a_repair():
    model = ScriptedModel(
        [
            code("basket = {name: price(name) for name in ('tea', 'cake')}\nbasket"),
            code("total = sum(basket.value())"),
            code("total = sum(basket.values())\nfinal_answer(total)"),
        ]
    )
    agent = create_lumo_agent(model, tools=[price], agent_type="code-agent")
    result = agent.invoke({"task": "What do tea and cake cost?"})
    model.assert_consumed()
    assert (result["answer"], result["outcome"]) == (6.5, "answered")
    first, second, third = result["steps"]
    assert [call["name"] for call in first["calls"]] == ["price", "price"]
    assert second["error"] == "AttributeError"
    assert "values" in model.calls[2][-1].text
    assert third["number"] == 3
    assert [m.type for m in result["messages"]] == ["human", "ai", "human", "ai", "human", "ai", "human", "ai"]
    assert result["messages"][-1].text == "6.5"


def test_the_function_calling_branch_is_the_default_and_calls_several_tools_at_once():
    model = ScriptedModel([calls(("price", {"item": "tea"}), ("price", {"item": "cake"})), "Together 6.5."])
    result = create_lumo_agent(model, tools=[price]).invoke({"task": "What do tea and cake cost?"})
    model.assert_consumed()
    assert (result["answer"], result["outcome"]) == ("Together 6.5.", "answered")
    told = [(m.tool_call_id, m.text) for m in result["messages"] if isinstance(m, ToolMessage)]
    assert told == [("id-0", "2.5"), ("id-1", "4.0")]


def test_the_input_chooses_the_branch_and_a_later_input_without_a_choice_gets_the_default():
    model = ScriptedModel([code("final_answer(1)"), "Two."])
    agent = create_lumo_agent(model, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert agent.invoke({"task": "one", "agent_type": "code-agent"}, config)["answer"] == 1
    assert agent.invoke({"task": "two"}, config)["answer"] == "Two."


@pytest.mark.anyio
async def test_both_branches_await_async_tools_and_sync_tools_alike():
    for agent_type, replies in {
        "code-agent": [code("both = await stock('tea'), price('tea')\nfinal_answer(both)")],
        "function-calling": [calls(("stock", {"item": "tea"}), ("price", {"item": "tea"})), "done"],
    }.items():
        agent = create_lumo_agent(ScriptedModel(replies), tools=[price, stock], agent_type=agent_type)
        result = await agent.ainvoke({"task": "go"})
        assert result["outcome"] == "answered"
        if agent_type == "code-agent":
            assert result["answer"] == [{"shelf": 3, "cellar": 10}, 2.5]


def test_async_only_tools_work_without_an_event_loop():
    replies = [code("import asyncio\nboth = await asyncio.gather(stock('a'), stock('bb'))\nfinal_answer(both)")]
    result = create_lumo_agent(ScriptedModel(replies), tools=[stock], agent_type="code-agent").invoke({"task": "go"})
    assert result["answer"] == [{"shelf": 1, "cellar": 10}, {"shelf": 2, "cellar": 10}]
    replies = [calls(("stock", {"item": "tea"})), "done"]
    result = create_lumo_agent(ScriptedModel(replies), tools=[stock]).invoke({"task": "go"})
    assert result["steps"][0]["calls"][0]["ok"]


def test_variables_live_on_in_the_next_run_of_a_thread():
    model = ScriptedModel([code("x = [1, 2]\nfinal_answer(len(x))"), code("x.append(3)\nfinal_answer(x)")])
    agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert agent.invoke({"task": "first"}, config)["answer"] == 2
    result = agent.invoke({"task": "second"}, config)
    assert (result["answer"], len(result["steps"])) == ([1, 2, 3], 1)
    assert "`x`" in model.calls[1][-1].text


def test_an_agent_made_anew_restores_the_variables_from_the_file(tmp_path):
    config = {"configurable": {"thread_id": "t"}}
    with SqliteSaver.from_conn_string(str(tmp_path / "runs.db")) as saver:
        first = ScriptedModel(
            [code("def double(n):\n    return n * factor\nfactor = 2\nhandle = (i for i in 'ab')"), "Ok."]
        )
        create_lumo_agent(first, agent_type="code-agent", checkpointer=saver).invoke({"task": "prepare"}, config)
        second = ScriptedModel([code("factor = 10\ndouble(4)"), code("final_answer(double(4))")])
        agent = create_lumo_agent(second, agent_type="code-agent", checkpointer=saver)
        result = agent.invoke({"task": "use it"}, config)
    assert result["answer"] == 40
    assert "handle" in result["steps"][0]["observation"]


def test_time_travel_sees_the_variables_of_that_time():
    model = ScriptedModel([code("n = 1"), code("n += 1"), code("final_answer(n)"), code("final_answer(n * 100)")])
    agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    assert agent.invoke({"task": "count"}, config)["answer"] == 2
    early = [
        s
        for s in agent.get_state_history(config)
        if s.next == ("generate_code",) and s.values["counters"]["steps"] == 1
    ]
    assert agent.invoke(None, early[0].config)["answer"] == 100


def test_an_action_that_runs_out_of_time_is_undone_and_the_run_goes_on():
    model = ScriptedModel(
        [
            code("kept = 1"),
            code("kept = 2\nprint('on my way')\nwhile True: pass"),
            code("final_answer(kept)"),
        ]
    )
    agent = create_lumo_agent(model, agent_type="code-agent", limits=Limits(action_seconds=1))
    result = agent.invoke({"task": "go"})
    assert result["answer"] == 1
    assert result["steps"][1]["error"] == "TimeoutError"
    assert "on my way" in result["steps"][1]["observation"]


def test_the_steps_stop_at_the_limit_and_the_model_answers_with_what_it_has():
    model = ScriptedModel([code("1"), code("2"), "I got as far as 2."])
    agent = create_lumo_agent(model, agent_type="code-agent", limits=Limits(max_steps=2))
    result = agent.invoke({"task": "go"})
    model.assert_consumed()
    assert (result["outcome"], result["answer"], len(result["steps"])) == ("max_steps", "I got as far as 2.", 2)


def test_the_same_failing_code_for_ever_ends_after_the_repairs():
    model = ScriptedModel([code("1/0")] * 3 + ["I could not."])
    agent = create_lumo_agent(model, agent_type="code-agent", limits=Limits(max_debug_attempts=2))
    result = agent.invoke({"task": "go"})
    model.assert_consumed()
    assert (result["outcome"], len(result["steps"])) == ("max_debug_attempts", 3)


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_model_that_says_nothing_is_told_so_and_may_go_on(agent_type):
    model = ScriptedModel(["", "  \n", "Here you are."])
    result = create_lumo_agent(model, agent_type=agent_type).invoke({"task": "go"})
    assert (result["answer"], len(result["steps"])) == ("Here you are.", 3)
    assert all(message.text.strip() for message in result["messages"])


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_tool_calls_beyond_the_limit_are_refused_and_end_the_run(agent_type):
    served = []

    def note(text: str) -> str:
        """Write a note."""
        served.append(text)
        return "ok"

    replies = {
        "code-agent": [code("for i in range(5): note(str(i))"), "Two notes."],
        "function-calling": [calls(*[("note", {"text": str(i)}) for i in range(5)]), "Two notes."],
    }[agent_type]
    agent = create_lumo_agent(
        ScriptedModel(replies), tools=[note], agent_type=agent_type, limits=Limits(max_tool_calls=2)
    )
    result = agent.invoke({"task": "go"})
    assert (result["outcome"], result["answer"], len(served)) == ("budget", "Two notes.", 2)


def test_no_further_call_is_made_when_the_tokens_are_used_up():
    model = ScriptedModel([code("1")])
    result = create_lumo_agent(model, agent_type="code-agent").invoke({"task": "go", "limits": {"max_tokens": 1}})
    assert (result["outcome"], result["answer"]) == ("budget", None)
    assert result["usage"]["model_calls"] == 1


class Report(BaseModel):
    title: str
    pages: int


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
@pytest.mark.parametrize("form", [Report, Report.model_json_schema()], ids=["model", "JSON Schema"])
def test_an_answer_of_the_wrong_shape_goes_back_to_the_model(agent_type, form):
    good, bad = {"title": "T", "pages": 3}, {"title": "T"}
    replies = {
        "code-agent": [code(f"final_answer({bad})"), code(f"final_answer({good})")],
        "function-calling": [calls(("final_answer", {"answer": bad})), calls(("final_answer", {"answer": good}))],
    }[agent_type]
    model = ScriptedModel(replies)
    result = create_lumo_agent(model, agent_type=agent_type, response_format=form).invoke({"task": "report"})
    assert result["answer"] == good
    assert "pages" in result["steps"][0]["observation"]


def test_a_cost_limit_without_a_reported_cost_is_refused_and_the_paid_reply_is_kept():
    model = ScriptedModel([code("x = 1"), code("final_answer(x)")])
    agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    with pytest.raises(ConfigurationError, match="max_tokens"):
        agent.invoke({"task": "go", "limits": {"max_cost": 0.1}}, config)
    state = agent.get_state(config).values
    assert state["usage"]["model_calls"] == 1
    assert state["messages"][-1].type == "ai"


def test_a_plan_is_made_first_and_again_after_the_interval():
    model = ScriptedModel(["Plan A", code("1"), code("2"), "Plan B", code("final_answer(3)")])
    agent = create_lumo_agent(model, agent_type="code-agent", planning_interval=2)
    result = agent.invoke({"task": "go"})
    model.assert_consumed()
    assert [m.text for m in result["messages"] if "Plan" in m.text] == ["Plan A", "Plan B"]


def test_every_native_call_gets_its_tool_message_even_if_it_is_malformed_unknown_or_hangs():
    released = threading.Event()

    def hang() -> None:
        """Does not come back while anyone waits."""
        released.wait(30)

    broken = AIMessage(
        "",
        tool_calls=[{"name": "nope", "args": {}, "id": "a"}, {"name": "hang", "args": {}, "id": "b"}],
        invalid_tool_calls=[
            {"name": "price", "args": "{", "id": "c", "error": "not JSON", "type": "invalid_tool_call"}
        ],
    )
    agent = create_lumo_agent(ScriptedModel([broken, "Sorry."]), tools=[price, hang], limits=Limits(action_seconds=0.5))
    result = agent.invoke({"task": "go"})
    released.set()
    told = {m.tool_call_id: m.text for m in result["messages"] if isinstance(m, ToolMessage)}
    assert set(told) == {"a", "b", "c"}
    assert "price" in told["a"]
    assert "0.5 seconds" in told["b"]


def test_history_comes_before_the_task():
    model = ScriptedModel(["Blue."])
    history = [{"role": "user", "content": "I like blue."}, {"role": "assistant", "content": "Noted."}]
    create_lumo_agent(model).invoke({"task": "What do I like?", "history": history})
    assert [m.text for m in model.calls[0][1:]] == ["I like blue.", "Noted.", "What do I like?"]


def test_an_agent_is_a_node_of_a_larger_graph_and_shares_its_messages():
    class Parent(TypedDict):
        messages: Annotated[list, add_messages]
        log: Annotated[list, operator.add]

    agent = create_lumo_agent(ScriptedModel([code("final_answer(6 * 7)")]), agent_type="code-agent", name="analyst")
    builder = StateGraph(Parent)
    builder.add_node("analyst", agent)
    builder.add_node("report", lambda state: {"log": [state["messages"][-1].text]})
    builder.add_edge(START, "analyst")
    builder.add_edge("analyst", "report")
    builder.add_edge("report", END)
    result = builder.compile(checkpointer=InMemorySaver()).invoke(
        {"messages": [HumanMessage("six times seven?")]}, {"configurable": {"thread_id": "p"}}
    )
    assert result["log"] == ["42"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"task": ""}, "task is empty"),
        ({"task": "  "}, "task is empty"),
        ({"task": "x", "agent_type": "codes"}, "'function-calling' or 'code-agent'"),
        ({"task": "x", "limits": {"max_steps": 0}}, "max_steps"),
        ({"task": "x", "limits": {"steps": 3}}, "'steps'"),
        ({"task": "x", "history": [{"who": "me"}]}, "history"),
        ({"agent_type": "code-agent"}, "no task"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_input_that_cannot_be_used_is_refused_before_any_work(given, named):
    model = ScriptedModel([])
    with pytest.raises(ConfigurationError, match=named):
        create_lumo_agent(model).invoke(given)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"agent_type": "coder"}, "'coder'"),
        ({"planning_interval": 0}, "planning_interval"),
        ({"tools": [price, price]}, "price"),
        ({"limits": {"max_steps": -1}}, "max_steps"),
        ({"executor": ProcessExecutor}, r"such as ProcessExecutor\(\)"),
        ({"preflight": "no"}, "preflight must be True or False, not 'no'"),
    ],
    ids=["agent type", "planning interval", "one tool twice", "limits", "executor", "preflight"],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, named):
    with pytest.raises(ConfigurationError, match=named):
        create_lumo_agent(ScriptedModel([]), **arguments)
