"""Calls that wait, in graphs: both agent types, streams, forks, subgraphs and fan-outs."""

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from lumo_graph import create_lumo_agent, resume, run, stream
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import Answered, Approval, StepEnded, ToolEnded
from lumo_graph.runs import aresume, arun, resume_stream
from lumo_graph.testing import ScriptedModel

CONFIG: dict[str, Any] = {"configurable": {"thread_id": "t"}}
APPROVE = {"type": "approve"}
ON = {"mail": True}
CODE = ["```python\na = charge(1)\nb = mail('ann')\n```", "```python\nfinal_answer((a, b))\n```"]
CALLS = [
    AIMessage(
        "", tool_calls=[{"name": "mail", "args": {"to": to}, "id": to, "type": "tool_call"} for to in ("ann", "bob")]
    ),
    "Sent.",
]


class Tools:
    """Two tools that remember their calls."""

    def __init__(self):
        self.made = []

    def charge(self, amount: int) -> str:
        """Charge an amount."""
        self.made.append(f"charge-{amount}")
        return f"charged {amount}"

    def mail(self, to: str) -> str:
        """Send a mail."""
        self.made.append(f"mail-{to}")
        return f"sent to {to}"

    def __iter__(self):
        return iter((self.charge, self.mail))


@pytest.fixture
def tools():
    return Tools()


def agent_of(replies, tools, saver=None, **options):
    given = {"agent_type": "code-agent", "interrupt_on": ON, "checkpointer": saver, **options}
    return create_lumo_agent(ScriptedModel(replies), tools=list(tools), **given)


def test_without_a_checkpointer_run_refuses_before_any_work(tools):
    with pytest.raises(ConfigurationError, match="interrupt_on needs a checkpointer"):
        run("go", ScriptedModel([]), tools=list(tools), interrupt_on=ON)


def test_without_a_checkpointer_a_graph_refuses_at_its_first_node(tools):
    with pytest.raises(ConfigurationError, match="interrupt_on needs a checkpointer"):
        agent_of([], tools).invoke({"task": "go"})


def test_a_command_answers_a_graph(tools):
    graph = agent_of(CODE, tools, InMemorySaver())
    asked = graph.invoke({"task": "go"}, CONFIG)
    assert asked["__interrupt__"][0].value["action_requests"][0]["args"] == {"to": "ann"}
    assert tools.made == ["charge-1"]
    assert graph.invoke(Command(resume=APPROVE), CONFIG)["answer"] == ["charged 1", "sent to ann"]
    assert tools.made == ["charge-1", "mail-ann"]


def test_an_answer_is_not_taken_for_the_next_question_when_the_run_goes_on_without_one(tools):
    code = ["```python\nmail('a')\nmail('b')\n```", "```python\nfinal_answer(1)\n```"]
    graph = agent_of(code, tools, InMemorySaver())
    graph.invoke({"task": "go"}, CONFIG)
    graph.invoke(Command(resume=APPROVE), CONFIG)
    for _ in range(2):
        asked = graph.invoke(None, CONFIG)
        assert asked["__interrupt__"][0].value["action_requests"][0]["args"] == {"to": "b"}
        assert tools.made == ["mail-a"]
    assert graph.invoke(Command(resume={"type": "respond", "message": "no"}), CONFIG)["answer"] == 1
    assert tools.made == ["mail-a"]


def test_several_native_calls_of_one_reply_are_one_question(tools):
    graph = agent_of(CALLS, tools, InMemorySaver(), agent_type="function-calling")
    (asked,) = graph.invoke({"task": "go"}, CONFIG)["__interrupt__"]
    names = [request["args"]["to"] for request in asked.value["action_requests"]]
    assert (sorted(names), asked.value["code"], tools.made) == (["ann", "bob"], None, [])
    decisions = [APPROVE if name == "bob" else {"type": "reject", "message": "not her"} for name in names]
    done = graph.invoke(Command(resume={"decisions": decisions}), CONFIG)
    assert (done["answer"], tools.made) == ("Sent.", ["mail-bob"])
    assert any("not her" in message.text for message in done["messages"])


@pytest.mark.parametrize(
    ("decision", "named"),
    [
        ({"decisions": [APPROVE, APPROVE]}, "2 decisions were given for 1 calls"),
        ({"type": "respond", "message": "x"}, "not allowed for mail"),
        ({"type": "edit"}, "is no decision"),
    ],
)
def test_a_wrong_decision_is_refused_and_the_question_can_be_answered_again(tools, decision, named):
    options = {
        "tools": list(tools),
        "checkpointer": InMemorySaver(),
        "interrupt_on": {"mail": {"allowed_decisions": ["approve", "reject"]}},
    }
    run("go", ScriptedModel(CODE[:1]), agent_type="code-agent", thread_id="t", **options)
    with pytest.raises(ConfigurationError, match=named):
        resume("t", ScriptedModel([]), decision=decision, **options)
    assert tools.made == ["charge-1"]
    assert resume("t", ScriptedModel(CODE[1:]), decision=APPROVE, **options).outcome == "answered"
    assert tools.made == ["charge-1", "mail-ann"]


def test_a_decision_that_nothing_waits_for_is_refused(tools):
    options = {"tools": list(tools), "checkpointer": InMemorySaver()}
    run("go", ScriptedModel(["Done."]), thread_id="t", **options)
    with pytest.raises(ConfigurationError, match="Nothing waits"):
        resume("t", ScriptedModel([]), decision=APPROVE, **options)


def test_an_edited_function_call_is_shown_as_it_was_made(tools):
    graph = agent_of(CALLS, tools, InMemorySaver(), agent_type="function-calling")
    asked = graph.invoke({"task": "go"}, CONFIG)["__interrupt__"][0].value["action_requests"]
    edit = {"type": "edit", "edited_action": {"name": "mail", "args": {"to": "eve"}}}
    decisions = [edit if request["args"]["to"] == "ann" else APPROVE for request in asked]
    done = graph.invoke(Command(resume={"decisions": decisions}), CONFIG)
    assert sorted(tools.made) == ["mail-bob", "mail-eve"]
    calls = done["steps"][0]["calls"]
    assert [(call["args"], call["edited"]) for call in calls] == [({"to": "eve"}, True), ({"to": "bob"}, False)]
    told = next(message.text for message in done["messages"] if getattr(message, "tool_call_id", None) == "ann")
    assert told.startswith("sent to eve")
    assert "it was called as mail(to='eve')" in told


def test_events_show_the_arguments_of_an_edited_call(tools):
    options = {"tools": list(tools), "checkpointer": InMemorySaver(), "interrupt_on": ON}
    run("go", ScriptedModel(CODE[:1]), agent_type="code-agent", thread_id="t", **options)
    edit = {"type": "edit", "edited_action": {"name": "mail", "args": {"to": "eve"}}}
    events = list(resume_stream("t", ScriptedModel(CODE[1:]), decision=edit, **options))
    ended = {event.name: event for event in events if isinstance(event, ToolEnded)}
    assert (ended["charge"].replayed, ended["charge"].edited) == (True, None)
    assert (ended["mail"].replayed, ended["mail"].edited) == (False, {"to": "eve"})
    (step, *_) = [event.step for event in events if isinstance(event, StepEnded)]
    assert [(call.name, call.args, call.edited) for call in step.calls] == [
        ("charge", {"amount": 1}, False),
        ("mail", {"to": "eve"}, True),
    ]


def test_an_edit_cannot_make_a_call_of_another_tool(tools):
    options = {"tools": list(tools), "checkpointer": InMemorySaver(), "interrupt_on": ON}
    run("go", ScriptedModel(CODE[:1]), agent_type="code-agent", thread_id="t", **options)
    edit = {"type": "edit", "edited_action": {"name": "charge", "args": {"amount": 1_000}}}
    with pytest.raises(ConfigurationError, match="cannot make it a call of charge: reject it"):
        resume("t", ScriptedModel([]), decision=edit, **options)
    assert tools.made == ["charge-1"]
    assert resume("t", ScriptedModel(CODE[1:]), decision=APPROVE, **options).answer == ["charged 1", "sent to ann"]


@pytest.mark.parametrize(("on", "asked"), [(lambda args: args["amount"] > 10, [50]), (False, [])])
def test_a_predicate_chooses_the_calls_that_wait(tools, on, asked):
    code = ["```python\nfor amount in (5, 50, 6):\n    charge(amount)\nfinal_answer(1)\n```"]
    graph = agent_of(code, tools, InMemorySaver(), interrupt_on={"charge": on})
    state = graph.invoke({"task": "go"}, CONFIG)
    waiting = [
        request["args"]["amount"] for one in state.get("__interrupt__", ()) for request in one.value["action_requests"]
    ]
    assert waiting == asked
    if asked:
        graph.invoke(Command(resume=APPROVE), CONFIG)
    assert tools.made == ["charge-5", "charge-50", "charge-6"]


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"type": "reject", "message": "too dear"}, "A person did not let the code run: too dear."),
        ({"type": "respond", "message": "It costs 3."}, "It costs 3."),
        (
            {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"code": "charge(2)\nnowhere()"}}},
            "nowhere",
        ),
    ],
    ids=["reject", "respond", "an edit that is certain to fail"],
)
def test_code_that_a_person_does_not_let_run_is_not_run_and_the_model_is_told(tools, decision, told):
    graph = agent_of([CODE[0], "Enough."], tools, InMemorySaver(), interrupt_on={"python_interpreter": True})
    graph.invoke({"task": "go"}, CONFIG)
    state = graph.invoke(Command(resume=decision), CONFIG)
    assert told in state["steps"][0]["observation"]
    assert tools.made == []


def test_an_edit_of_code_needs_code(tools):
    options = {"tools": list(tools), "checkpointer": InMemorySaver(), "interrupt_on": {"python_interpreter": True}}
    run("go", ScriptedModel(CODE[:1]), agent_type="code-agent", thread_id="t", **options)
    edit = {"type": "edit", "edited_action": {"name": "python_interpreter", "args": {"cod": "1"}}}
    with pytest.raises(ConfigurationError, match="not {'cod': '1'}"):
        resume("t", ScriptedModel([]), decision=edit, **options)


def test_a_call_waits_on_an_event_loop_too(tools):
    options = {"tools": list(tools), "checkpointer": InMemorySaver(), "interrupt_on": ON}

    async def both():
        asked = await arun("go", ScriptedModel(CODE[:1]), agent_type="code-agent", thread_id="t", **options)
        assert (asked.outcome, len(asked.pending)) == ("interrupted", 1)
        return await aresume("t", ScriptedModel(CODE[1:]), decision=APPROVE, **options)

    assert asyncio.run(both()).answer == ["charged 1", "sent to ann"]
    assert tools.made == ["charge-1", "mail-ann"]


def test_a_stream_ends_with_the_question(tools):
    events = list(
        stream(
            "go", ScriptedModel(CODE[:1]), agent_type="code-agent", tools=list(tools), interrupt_on=ON,
            checkpointer=InMemorySaver(),
        )
    )  # fmt: skip
    (asked,) = [event for event in events if isinstance(event, Approval)]
    assert asked.request["lines"] == [2]
    last = events[-1]
    assert isinstance(last, Answered)
    assert (last.result.outcome, last.result.pending) == ("interrupted", (asked.request,))


def test_a_fork_makes_its_calls_itself(tools):
    graph = agent_of([*CODE, CODE[1]], tools, InMemorySaver(), interrupt_on=None)
    graph.invoke({"task": "go"}, CONFIG)
    before = next(
        state for state in graph.get_state_history(CONFIG) if state.next == ("execute",) and not state.values["steps"]
    )
    graph.invoke(None, before.config)
    assert tools.made == ["charge-1", "mail-ann"] * 2


class Parent(TypedDict, total=False):
    task: str
    tasks: list[str]
    answer: Any
    answers: Annotated[list[Any], operator.add]


def test_a_subgraph_asks_through_its_parent(tools):
    code = ["```python\nmail('a')\nmail('b')\n```", "```python\nfinal_answer(1)\n```"]
    parent = StateGraph(Parent)
    parent.add_node("agent", agent_of(code, tools))
    parent.add_edge(START, "agent")
    parent.add_edge("agent", END)
    graph = parent.compile(checkpointer=InMemorySaver())
    graph.invoke({"task": "go"}, CONFIG)
    graph.invoke(Command(resume=APPROVE), CONFIG)
    asked = graph.invoke(None, CONFIG)
    assert asked["__interrupt__"][0].value["action_requests"][0]["args"] == {"to": "b"}
    assert tools.made == ["mail-a"]
    assert graph.invoke(Command(resume=APPROVE), CONFIG)["answer"] == 1
    assert tools.made == ["mail-a", "mail-b"]


def test_records_of_agents_that_run_side_by_side_do_not_mix(tools):
    def work(state: Parent) -> dict[str, Any]:
        code = f"```python\nx = charge(1)\ny = mail({state['task']!r})\nfinal_answer(y)\n```"
        return {"answers": [agent_of([code], tools).invoke({"task": "go"})["answer"]]}

    parent = StateGraph(Parent)
    parent.add_node("work", work)
    parent.add_conditional_edges(START, lambda state: [Send("work", {"task": to}) for to in state["tasks"]])
    parent.add_edge("work", END)
    graph = parent.compile(checkpointer=InMemorySaver())
    asked = graph.invoke({"tasks": ["ann", "bob"]}, CONFIG)["__interrupt__"]
    assert sorted(one.value["action_requests"][0]["args"]["to"] for one in asked) == ["ann", "bob"]
    answers = {
        one.id: {"type": "respond", "message": "by hand"}
        if one.value["action_requests"][0]["args"]["to"] == "ann"
        else APPROVE
        for one in asked
    }
    done = graph.invoke(Command(resume=answers), CONFIG)
    assert sorted(done["answers"]) == ["by hand", "sent to bob"]
    assert sorted(tools.made) == ["charge-1", "charge-1", "mail-bob"]
