"""What a tool of an agent sees of the graph around it: context, store, config, streams; and what it may not do."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store, get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from langgraph.runtime import get_runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from lumo_graph import create_lumo_agent
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel
from tests.composition.agents import THREAD, both_ways, calling, code, coder, invoke, last, say


@dataclass
class Caller:
    user: str


def around(agent, **parts):
    """A graph with a context and a store."""
    builder = StateGraph(MessagesState, context_schema=Caller)
    builder.add_node("analyst", agent)
    builder.add_edge(START, "analyst")
    store = InMemoryStore()
    store.put(("ann",), "likes", {"value": "tea"})
    return builder.compile(checkpointer=InMemorySaver(), store=store, **parts)


def read() -> list:
    """What is current where the tool runs."""
    user = get_runtime(Caller).context.user
    return [user, get_store().get((user,), "likes").value["value"]]


async def aread() -> list:
    """What is current where the tool runs."""
    user = get_runtime(Caller).context.user
    return [user, (await get_store().aget((user,), "likes")).value["value"]]


def by_runtime(prefix: str, runtime: ToolRuntime[Caller]) -> list:
    """What LangGraph's runtime says.

    Args:
        prefix: put before it.
    """
    user = runtime.context.user
    return [prefix + user, runtime.store.get((user,), "likes").value["value"]]


async def aby_runtime(prefix: str, runtime: ToolRuntime[Caller]) -> list:
    """What LangGraph's runtime says."""
    user = runtime.context.user
    return [prefix + user, (await runtime.store.aget((user,), "likes")).value["value"]]


@tool
def decorated(prefix: str, runtime: ToolRuntime[Caller, Any]) -> list:
    """What LangGraph's runtime says."""
    return by_runtime(prefix, runtime)


def by_store(prefix: str, store: Annotated[BaseStore, InjectedStore()]) -> list:
    """What the store says."""
    return [prefix + "ann", store.get(("ann",), "likes").value["value"]]


@tool
def decorated_store(prefix: str, store: Annotated[BaseStore, InjectedStore()]) -> list:
    """What the store says."""
    return [prefix + "ann", store.get(("ann",), "likes").value["value"]]


@pytest.mark.parametrize("reads", [read, aread])
@both_ways
def test_context_and_store_are_current_in_a_tool(how, reads):
    call = "await aread()" if reads is aread else "read()"
    graph = around(coder(code(f"final_answer({call})"), tools=[reads]))
    assert last(invoke(graph, say("go"), THREAD, how=how, context=Caller("ann"))) == '["ann", "tea"]'


HANDED = {
    "by_runtime": by_runtime,
    "aby_runtime": aby_runtime,
    "decorated": decorated,
    "by_store": by_store,
    "decorated_store": decorated_store,
}


@pytest.mark.parametrize("name", HANDED)
@both_ways
def test_a_tool_is_handed_what_it_asks_for_and_code_sees_its_arguments_only(how, name):
    handed = HANDED[name]
    model = ScriptedModel([code(f"final_answer({'await ' if handed is aby_runtime else ''}{name}('miss '))")])
    agent = create_lumo_agent(model, [handed], agent_type="code-agent")
    values = invoke(around(agent), say("go"), THREAD, how=how, context=Caller("ann"))
    assert last(values) == '["miss ann", "tea"]'
    assert f"def {name}(prefix: str)" in model.calls[0][0].text


@pytest.mark.parametrize("name", HANDED)
def test_by_function_calling_it_is_the_same(name):
    handed = HANDED[name]
    model = ScriptedModel([calling(name, prefix="miss "), lambda messages: messages[-1].text])
    graph = around(create_lumo_agent(model, [handed]))
    assert last(graph.invoke(say("go"), THREAD, context=Caller("ann"))) == '["miss ann", "tea"]'


def test_code_cannot_set_what_a_tool_is_handed():
    graph = around(coder(code("by_runtime('x', runtime=None)"), code("final_answer(1)"), tools=[by_runtime]))
    values = graph.invoke(say("go"), THREAD, context=Caller("ann"))
    assert "unexpected" in str([message.text for message in values["messages"]])


def test_the_runtime_shows_the_agents_own_state_and_the_id_of_the_thread():
    def look(runtime: ToolRuntime) -> list:
        """Look around."""
        return [runtime.state["run"]["task"], runtime.config["configurable"]["thread_id"], runtime.context]

    agent = coder(code("final_answer(look())"), tools=[look], checkpointer=InMemorySaver())
    assert agent.invoke({"task": "go"}, THREAD)["answer"] == ["go", "t", None]


def test_a_tool_with_a_runtime_is_recorded_like_others(sent):
    def pay(amount: int, runtime: ToolRuntime) -> int:
        """Pay."""
        sent.append(amount)
        return amount

    def confirm(amount: int) -> int:
        """Confirm."""
        return amount

    agent = coder(
        code("a = pay(5)\nfinal_answer(confirm(a))"), tools=[pay, confirm], interrupt_on={"confirm": True},
        checkpointer=InMemorySaver(),
    )  # fmt: skip
    agent.invoke({"task": "go"}, THREAD)
    assert agent.invoke(Command(resume={"type": "approve"}), THREAD)["answer"] == 5
    assert sent == [5]


@both_ways
def test_the_config_of_the_call_reaches_the_tool(how):
    def who(config: RunnableConfig) -> list:
        """Who calls."""
        return [config["configurable"]["user"], config["configurable"]["thread_id"], sorted(config["tags"])]

    graph = around(coder(code("final_answer(who())"), tools=[who]))
    config = {"configurable": {"thread_id": "t", "user": "ann"}, "tags": ["mine"]}
    assert last(invoke(graph, say("go"), config, how=how)) == '["ann", "t", ["mine"]]'


def test_what_a_tool_writes_is_in_the_parents_stream():
    def work() -> int:
        """Says how far it is."""
        get_stream_writer()({"done": "half"})
        return 1

    graph = around(coder(code("final_answer(work())"), tools=[work]))
    written = [chunk for _, chunk in graph.stream(say("go"), THREAD, stream_mode="custom", subgraphs=True)]
    assert {"done": "half"} in written


def test_a_context_may_be_given_to_an_agent_alone():
    agent = coder(code("final_answer(by_runtime('')[0])"), tools=[by_runtime])
    store = InMemoryStore()
    store.put(("ann",), "likes", {"value": "tea"})
    assert agent.copy({"store": store}).invoke({"task": "go"}, context=Caller("ann"))["answer"] == "ann"


# -- what it may not do


def leave() -> Command:
    """Go to another node."""
    return Command(goto="other", graph=Command.PARENT)


@pytest.mark.parametrize("leaves", [leave, tool(leave)])
@pytest.mark.parametrize("kind", ["code-agent", "function-calling"])
def test_a_tool_that_would_lead_the_graph_elsewhere_is_refused_before_any_work(leaves, kind):
    with pytest.raises(ConfigurationError, match=r"'leave' returns a Command, .* decide by the answer"):
        create_lumo_agent(ScriptedModel([]), [leaves], agent_type=kind)


def test_one_that_does_not_say_so_is_an_error_that_the_model_sees():
    def sly(to: str):
        """Go to another node."""
        return Command(goto=to, graph=Command.PARENT)

    values = around(coder(code("sly('other')"), code("final_answer('stayed')"), tools=[sly])).invoke(say("go"), THREAD)
    assert last(values) == "stayed"
    assert "(Command) steers a LangGraph graph and is not data" in str(values["messages"])


def test_the_graph_around_it_goes_where_the_answer_says():
    def routed(state):
        return last(state)

    builder = StateGraph(MessagesState)
    builder.add_node("analyst", coder(code("final_answer('billing')")))
    builder.add_node("billing", lambda _: {"messages": [("ai", "Billing here.")]})
    builder.add_edge(START, "analyst")
    builder.add_conditional_edges("analyst", routed, ["billing"])
    assert last(builder.compile().invoke(say("My bill is wrong."))) == "Billing here."


def test_one_that_wants_the_state_of_another_graph_is_refused():
    def peek(state: Annotated[dict, InjectedState]) -> int:
        """Look into the state."""
        return len(state)

    with pytest.raises(ConfigurationError, match="take a ToolRuntime"):
        coder(tools=[tool(peek)])
