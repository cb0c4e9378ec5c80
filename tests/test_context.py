"""One graph works for many: each caller's context says how, below what the run's input says."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from lumo_graph import Agent, AgentContext, Limits, create_lumo_agent
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

CODE = "```python\nfinal_answer(6 * 7)\n```"
CONFIG = {"configurable": {"thread_id": "t"}}


@pytest.mark.parametrize("context", [{"agent_type": "code"}, AgentContext(agent_type="code-agent")])
def test_a_context_chooses_the_branch(context):
    assert create_lumo_agent(ScriptedModel([CODE])).invoke({"task": "x"}, context=context)["answer"] == 42


@pytest.mark.anyio
async def test_on_an_event_loop_too():
    agent = create_lumo_agent(ScriptedModel([CODE]))
    assert (await agent.ainvoke({"task": "x"}, context={"agent_type": "code"}))["answer"] == 42


def test_the_input_of_a_run_has_the_last_word():
    agent = create_lumo_agent(ScriptedModel(["42"]), limits={"max_tokens": 900}, checkpointer=InMemorySaver())
    context = {"agent_type": "code-agent", "limits": {"max_steps": 3, "max_seconds": 60.0}}
    given = {"task": "x", "agent_type": "function-calling", "limits": {"max_steps": 2}}
    assert agent.invoke(given, CONFIG, context=context)["answer"] == "42"
    limits = Limits.of(agent.get_state(CONFIG).values["run"]["limits"])
    assert (limits.max_steps, limits.max_seconds, limits.max_tokens) == (2, 60.0, 900)


def test_its_instructions_stand_in_place_of_the_agents_own():
    model = ScriptedModel(["1", "2"])
    agent = create_lumo_agent(model, system_prompt="Answer in French.")
    agent.invoke({"task": "x"}, context={"system_prompt": "Answer in Greek."})
    agent.invoke({"task": "x"})
    greek, french = (messages[0].text for messages in model.calls)
    assert ("Answer in Greek." in greek, "Answer in French." in greek) == (True, False)
    assert "Answer in French." in french


def test_they_hold_until_the_run_ends_though_whoever_resumes_it_gives_no_context():
    saver = InMemorySaver()
    first = create_lumo_agent(ScriptedModel([OSError("down")]), checkpointer=saver, retry=RetryPolicy(attempts=1))
    with pytest.raises(ModelError):
        first.invoke({"task": "x"}, CONFIG, context={"agent_type": "code", "system_prompt": "Answer in Greek."})
    model = ScriptedModel([CODE, "later"])
    second = create_lumo_agent(model, checkpointer=saver)
    assert second.invoke(None, CONFIG)["answer"] == 42
    second.invoke({"task": "y"}, CONFIG)
    resumed, later = (messages[0].text for messages in model.calls)
    assert ("Answer in Greek." in resumed, "Answer in Greek." in later) == (True, False)


def test_a_graph_that_embeds_an_agent_hands_it_its_context():
    builder = StateGraph(MessagesState, AgentContext)
    builder.add_node("analyst", create_lumo_agent(ScriptedModel([CODE])))
    builder.add_edge(START, "analyst")
    builder.add_edge("analyst", END)
    result = builder.compile().invoke({"messages": [("user", "x")]}, context={"agent_type": "code"})
    assert result["messages"][-1].text == "42"


def test_the_context_of_a_graph_that_has_another_one_says_nothing_to_the_agent():
    class Tenant(TypedDict):
        agent_type: str

    builder = StateGraph(MessagesState, Tenant)
    builder.add_node("analyst", create_lumo_agent(ScriptedModel(["Hello."])))
    builder.add_edge(START, "analyst")
    builder.add_edge("analyst", END)
    result = builder.compile().invoke({"messages": [("user", "x")]}, context={"agent_type": "robot"})
    assert result["messages"][-1].text == "Hello."


def test_an_agent_that_is_called_keeps_its_own_ways():
    inner = ScriptedModel(["found"])
    helper = Agent("helper", "Helps.", create_lumo_agent(inner, system_prompt="Look it up."))
    lead = create_lumo_agent(ScriptedModel(["```python\nfinal_answer(helper('x'))\n```"]), agents=[helper])
    context = AgentContext(agent_type="code-agent", system_prompt="Lead.")
    assert lead.invoke({"task": "x"}, context=context)["answer"] == "found"
    assert "Look it up." in inner.calls[0][0].text


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        ({"agent_type": "coder"}, "Unknown agent_type 'coder'"),
        ({"limits": {"max_step": 3}}, "Unknown limit 'max_step'"),
        ({"limits": {"max_steps": 0}}, "at least 1"),
        ({"system_prompt": 7}, "system_prompt must be a text or None, not 7"),
    ],
)
def test_a_context_that_cannot_be_used_is_refused_before_any_work(context, problem):
    agent = create_lumo_agent(ScriptedModel([]))
    with pytest.raises(ConfigurationError, match=problem):
        agent.invoke({"task": "x"}, context=context)


def test_its_schema_names_what_can_be_chosen():
    schema = create_lumo_agent(ScriptedModel([])).get_context_jsonschema()
    assert set(schema["properties"]) == {"agent_type", "limits", "system_prompt"}
    assert "max_steps" in schema["$defs"]["Limits"]["properties"]
