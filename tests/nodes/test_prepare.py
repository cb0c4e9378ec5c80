import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import create_lumo_agent
from lumo_graph.context import check_agent_type
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.models import RetryPolicy
from lumo_graph.nodes.history import answered
from lumo_graph.testing import ScriptedModel

CONFIG = {"configurable": {"thread_id": "t"}}
ASK = {"name": "f", "args": {}, "id": "c1"}


def seen(model):
    return [(message.type, message.text) for message in model.calls[-1] if not isinstance(message, SystemMessage)]


def test_an_answered_conversation_is_left_as_it_is():
    messages = [HumanMessage("q"), AIMessage("", tool_calls=[ASK]), ToolMessage("1", tool_call_id="c1")]
    assert answered(messages) == messages


def test_every_call_without_an_answer_gets_one_right_behind_it():
    messages = answered([AIMessage("", tool_calls=[ASK, {**ASK, "id": "c2"}]), HumanMessage("q")])
    assert [(m.type, getattr(m, "tool_call_id", None)) for m in messages] == [
        ("ai", None),
        ("tool", "c1"),
        ("tool", "c2"),
        ("human", None),
    ]


@pytest.mark.parametrize("way", ["task", "messages"])
def test_a_run_that_stopped_between_call_and_answer_does_not_spoil_its_thread(way):
    saver = InMemorySaver()
    first = create_lumo_agent(ScriptedModel([AIMessage("", tool_calls=[ASK])]), tools=[], checkpointer=saver)
    first.invoke({"task": "one"}, CONFIG, interrupt_before=["call_tools"])
    model = ScriptedModel(["Done."])
    given = {"task": "two"} if way == "task" else {"messages": [HumanMessage("two")]}
    create_lumo_agent(model, checkpointer=saver).invoke(given, CONFIG)
    assert [kind for kind, _ in seen(model)] == ["human", "ai", "tool", "human"]
    assert seen(model)[-1][1] == "two"


@pytest.mark.parametrize("way", ["task", "messages"])
def test_history_stands_between_the_thread_and_the_task(way):
    model = ScriptedModel(["Hello.", "Blue."])
    agent = create_lumo_agent(model, checkpointer=InMemorySaver())
    agent.invoke({"task": "hi"}, CONFIG)
    history = [{"role": "user", "content": "I like blue."}, {"role": "assistant", "content": "Noted."}]
    given = {"task": "What?"} if way == "task" else {"messages": [HumanMessage("What?")]}
    agent.invoke({**given, "history": history}, CONFIG)
    assert [text for _, text in seen(model)] == ["hi", "Hello.", "I like blue.", "Noted.", "What?"]


def test_an_input_without_a_task_does_not_run_an_old_one_again():
    model = ScriptedModel(["```python\n1\n```", "```python\nfinal_answer(2)\n```"])
    agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=InMemorySaver())
    agent.invoke({"task": "count"}, CONFIG)
    with pytest.raises(ConfigurationError, match="no task"):
        agent.invoke({"agent_type": "code-agent"}, CONFIG)


def test_an_observation_is_never_taken_for_a_task():
    saver = InMemorySaver()
    model = ScriptedModel(["```python\n1\n```", ConnectionError("down")])
    agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=saver, retry=RetryPolicy(attempts=1))
    with pytest.raises(ModelError):
        agent.invoke({"task": "count"}, CONFIG)
    create_lumo_agent(ScriptedModel(["Done."]), checkpointer=saver).invoke({"agent_type": "function-calling"}, CONFIG)
    assert agent.get_state(CONFIG).values["run"]["task"] == "count"


def test_half_a_character_in_a_task_is_replaced():
    model = ScriptedModel(["Ok."])
    create_lumo_agent(model, checkpointer=InMemorySaver()).invoke({"task": "caf\udce9"}, CONFIG)
    assert seen(model) == [("human", "caf\ufffd")]


@pytest.mark.parametrize(
    ("named", "meant"),
    [("code", "code-agent"), ("mcp", "function-calling"), ("code-agent", "code-agent"), ("function-calling",) * 2],
)
def test_an_agent_type_has_a_short_name_and_is_stored_under_its_own(named, meant):
    model = ScriptedModel(["```python\nfinal_answer(1)\n```" if meant == "code-agent" else "1"])
    agent = create_lumo_agent(model, checkpointer=InMemorySaver())
    agent.invoke({"task": "go", "agent_type": named}, CONFIG)
    assert agent.get_state(CONFIG).values["run"]["agent_type"] == meant


@pytest.mark.parametrize("named", ["Code", "codes", "", None, ["code"], 5])
def test_no_other_name_is_an_agent_type(named):
    with pytest.raises(ConfigurationError) as caught:
        check_agent_type(named)
    assert (
        "Choose 'function-calling' or 'code-agent' (or 'code' for 'code-agent', 'mcp' for 'function-calling')"
        in str(caught.value)
    )
