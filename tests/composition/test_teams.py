"""Agents in other people's agents: teams of langgraph-supervisor, agents of LangChain, and tools of both."""

import asyncio
import warnings

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from langgraph_supervisor import create_supervisor
from langgraph_supervisor.handoff import create_forward_message_tool, create_handoff_tool

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel
from tests.composition.agents import APPROVE, THREAD, answers, both_ways, calling, code, coder, invoke, last, say


def team(*agents, model, **options):
    """A supervisor of these agents."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it builds on what LangGraph has moved to LangChain
        return create_supervisor([*agents], model=model, **options)


def researcher(*replies, **options):
    return coder(*replies, name="researcher", **options)


def accountant(*replies, **options):
    return create_lumo_agent(ScriptedModel(list(replies)), name="accountant", **options)


def to(name):
    return AIMessage("", tool_calls=[{"name": f"transfer_to_{name}", "args": {}, "id": f"to-{name}"}])


@both_ways
def test_a_supervisor_hands_over_to_both_kinds_of_agents(how):
    model = ScriptedModel([to("researcher"), to("accountant"), "Together 42."])
    members = researcher(code("final_answer('20 and 22')")), accountant("20 and 22 are 42.")
    graph = team(*members, model=model).compile()
    values = invoke(graph, say("What is the sum?"), how=how)
    model.assert_consumed()
    assert [message.name for message in values["messages"] if message.text in {"20 and 22", "20 and 22 are 42."}] == [
        "researcher",
        "accountant",
    ]
    assert last(values) == "Together 42."


@pytest.mark.parametrize(("mode", "codes"), [("last_message", 0), ("full_history", 1)])
def test_its_history_is_whole_or_the_answers_alone(mode, codes):
    model = ScriptedModel([to("researcher"), "It is 42."])
    graph = team(researcher(code("final_answer(42)")), model=model, output_mode=mode).compile()
    values = graph.invoke(say("What is it?"))
    assert sum("```python" in message.text for message in values["messages"]) == codes
    assert sum(message.text == "42" for message in model.calls[1]) == 1
    ids = [message.id for message in values["messages"]]
    assert len(set(ids)) == len(ids)


def test_what_an_agent_has_observed_is_no_task_for_the_next_one():
    model, saver = ScriptedModel([to("researcher"), to("accountant"), "Done."]), InMemorySaver()
    members = (
        researcher(code("print('an observation')"), code("final_answer(1)")),
        accountant("Counted.", checkpointer=True),
    )
    graph = team(*members, model=model, output_mode="full_history").compile(checkpointer=saver)
    values = graph.invoke(say("Count."), THREAD)
    assert "an observation" in str(
        [message.text for message in values["messages"] if isinstance(message, HumanMessage)]
    )
    inside = saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": "accountant"}})
    assert inside.checkpoint["channel_values"]["run"]["task"] == "Count."


def test_the_names_stand_where_a_supervisor_looks_for_them():
    model = ScriptedModel([to("researcher"), "It is 42."])
    graph = team(researcher(code("final_answer(42)")), model=model, include_agent_name="inline").compile()
    graph.invoke(say("What is it?"))
    assert "<name>researcher</name><content>42</content>" in [message.text for message in model.calls[1]]


def test_what_it_has_said_is_forwarded_word_for_word():
    model = ScriptedModel([to("researcher"), calling("forward_message", from_agent="researcher")])
    forward = create_forward_message_tool("supervisor")
    graph = team(researcher(code("final_answer(42)")), model=model, tools=[forward]).compile()
    assert last(graph.invoke(say("What is it?"))) == "42"


@pytest.mark.parametrize("back", [True, False])
def test_the_way_back_is_said_or_not(back):
    model = ScriptedModel([to("researcher"), "It is 42."])
    graph = team(researcher(code("final_answer(42)")), model=model, add_handoff_back_messages=back).compile()
    texts = [message.text for message in graph.invoke(say("What is it?"))["messages"]]
    assert ("Successfully transferred back to supervisor" in texts) is back


@both_ways
def test_a_question_inside_is_one_of_the_team(how, send, sent):
    model = ScriptedModel([to("researcher"), "Sent."])
    member = researcher(
        code("first = send('a')\nfinal_answer(confirm(first))"), tools=[send, confirm], interrupt_on={"confirm": True}
    )
    graph = team(member, model=model).compile(checkpointer=InMemorySaver())
    (asked,) = invoke(graph, say("Send it."), THREAD, how=how)["__interrupt__"]
    assert asked.value["action_requests"][0]["name"] == "confirm"
    assert last(invoke(graph, Command(resume=APPROVE), THREAD, how=how)) == "Sent."
    assert sent == ["a"]


def confirm(text: str) -> str:
    """Confirm a text."""
    return text


def test_a_member_with_a_memory_of_the_thread_keeps_its_variables_for_the_next_turn():
    model = ScriptedModel([to("researcher"), "Set.", to("researcher"), "Got."])
    member = researcher(code("x = 5\nfinal_answer('set')"), code("final_answer(x)"), checkpointer=True)
    graph = team(member, model=model).compile(checkpointer=InMemorySaver())
    graph.invoke(say("Set it."), THREAD)
    graph.invoke(say("Get it."), THREAD)
    assert "5" in [message.text for message in model.calls[3]]


def test_agents_hand_over_by_the_graph_around_them_and_not_by_a_tool_of_theirs():
    """A handoff tool takes the state of LangGraph's ToolNode and returns a Command. Code has neither."""
    with pytest.raises(ConfigurationError, match="'state' of the tool 'transfer_to_accountant'"):
        researcher(tools=[create_handoff_tool(agent_name="accountant")])


# -- LangChain's own agents


def test_an_agent_is_a_tool_of_an_agent_of_langchains(send, sent):
    inner = researcher(code("final_answer([send('a'), 6 * 7])"), tools=[send])

    @tool
    def research(task: str) -> str:
        """Finds things out."""
        return str(inner.invoke({"task": task})["answer"])

    model = ScriptedModel([calling("research", task="six times seven"), "It is 42."])
    agent = create_agent(model, tools=[research], checkpointer=InMemorySaver())
    values = agent.invoke(say("What is it?"), THREAD)
    (told,) = [message for message in values["messages"] if isinstance(message, ToolMessage)]
    assert told.text == "['a was sent', 42]"
    assert sent == ["a"]


@both_ways
def test_as_a_tool_of_langchains_its_questions_are_asked_and_its_calls_not_repeated(how, send, sent):
    inner = researcher(
        code("first = send('a')\nfinal_answer(confirm(first))"), tools=[send, confirm], interrupt_on={"confirm": True}
    )

    @tool
    def research(task: str) -> str:
        """Finds things out."""
        return inner.invoke({"task": task})["answer"]

    @tool("research")
    async def aresearch(task: str) -> str:
        """Finds things out."""
        return (await inner.ainvoke({"task": task}))["answer"]

    model = ScriptedModel([calling("research", task="x"), "Done."])
    agent = create_agent(model, tools=[research if how == "sync" else aresearch], checkpointer=InMemorySaver())
    assert len(invoke(agent, say("go"), THREAD, how=how)["__interrupt__"]) == 1
    values = invoke(agent, Command(resume=APPROVE), THREAD, how=how)
    assert (last(values), sent) == ("Done.", ["a"])


@both_ways
def test_beside_an_agent_of_langchains_both_read_one_conversation(how):
    builder = StateGraph(MessagesState)
    builder.add_node("analyst", coder(code("final_answer(6 * 7)"), name="analyst"))
    theirs = ScriptedModel(["So it is 42."])
    builder.add_node("writer", create_agent(theirs, tools=[], name="writer"))
    builder.add_edge(START, "analyst").add_edge("analyst", "writer").add_edge("writer", END)
    values = invoke(builder.compile(checkpointer=InMemorySaver()), say("6 * 7?"), THREAD, how=how)
    assert last(values) == "So it is 42."
    assert "42" in [message.text for message in theirs.calls[0]]
    assert [message.name for message in values["messages"] if message.type == "ai"] == ["analyst", "analyst", "writer"]


def test_after_an_agent_of_langchains_it_goes_on_with_what_a_person_has_asked():
    theirs = create_agent(ScriptedModel([calling("note", text="tea"), "Noted."]), tools=[tool(note)], name="writer")
    builder = StateGraph(MessagesState)
    builder.add_node("writer", theirs)
    ours = ScriptedModel([code("final_answer('and tea')")])
    builder.add_node("analyst", create_lumo_agent(ours, agent_type="code-agent"))
    builder.add_edge(START, "writer").add_edge("writer", "analyst")
    assert last(builder.compile().invoke(say("What do we have?"))) == "and tea"
    assert [message.type for message in ours.calls[0]] == ["system", "human", "ai", "tool", "ai"]


def note(text: str) -> str:
    """Write a text down."""
    return text


def test_an_agent_among_the_tools_of_ours_is_told_where_it_belongs():
    with pytest.raises(ConfigurationError, match=r"is a graph, not a tool. Pass agents=\[Agent"):
        coder(tools=[coder()])


# -- names


@pytest.mark.parametrize("kind", ["code-agent", "function-calling"])
def test_all_that_an_agent_says_has_the_name_that_it_was_given(kind, send):
    replies = [code("send('a')"), code("final_answer(1)")]
    if kind == "function-calling":
        replies = [calling("send", text="a"), "1"]
    agent = create_lumo_agent(ScriptedModel(replies), [send], agent_type=kind, name="analyst")
    values = agent.invoke({"messages": [("user", "a"), AIMessage("b", name="other"), AIMessage("c"), ("user", "d")]})
    said = [message.name for message in values["messages"] if message.type == "ai"]
    assert said == ["other", None, *["analyst"] * (3 if kind == "code-agent" else 2)]


@pytest.mark.parametrize("name", [{}, {"name": "my agent"}])
def test_without_a_name_or_with_one_that_providers_refuse_nothing_stands_there(name):
    values = coder(code("final_answer(1)"), **name).invoke({"task": "x"})
    assert {message.name for message in values["messages"]} == {None}


def test_a_team_in_a_team():
    inner = team(researcher(code("final_answer(42)")), model=ScriptedModel([to("researcher"), "It is 42."]))
    outer_model = ScriptedModel([to("science"), "They say 42."])
    graph = team(inner.compile(name="science"), model=outer_model).compile(checkpointer=InMemorySaver())
    assert last(asyncio.run(graph.ainvoke(say("What is it?"), THREAD))) == "They say 42."
    assert answers(graph.get_state(THREAD).values)[-1] == "They say 42."
