"""How users write it, checked by mypy and pyright in strict mode; never run."""

from typing import assert_type

from langchain_core.language_models import BaseChatModel
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from lumo_graph import (
    AgentContext,
    Execution,
    Executor,
    Limits,
    LumoClient,
    RunResult,
    Session,
    create_lumo_agent,
    resume,
    run,
    stream,
)
from lumo_graph.client import RunTaskResponse, StreamDoneEvent
from lumo_graph.events import Answered, Event


def search(query: str) -> list[str]:
    """Search."""
    return [query]


def use_run(model: BaseChatModel) -> None:
    """One call."""
    result = run("task", model, tools=[search], agent_type="code-agent", limits=Limits(max_steps=3))
    assert_type(result, RunResult)
    assert_type(resume("thread", model, checkpointer="sqlite:///runs.db"), RunResult)
    run("task", model, agent_type="my-dialect")
    run("task", model, agent_type=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def use_stream(model: BaseChatModel) -> RunResult | None:
    """Events."""
    for event in stream("task", "openai:gpt-4.1-nano", tools=[search]):
        assert_type(event, Event)
        if isinstance(event, Answered):
            return event.result
    return None


class ParentState(TypedDict):
    """A larger graph."""

    answer: str


def embed(model: BaseChatModel) -> None:
    """An agent is a node."""
    agent = create_lumo_agent(model, [search], agent_type="code-agent", response_format=dict[str, int])
    builder = StateGraph(ParentState)
    builder.add_node("analyst", agent)
    agent.invoke({"task": "x"}, context=AgentContext(agent_type="code-agent", limits={"max_steps": 3}))
    AgentContext(agent_type=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    builder.add_edge(START, "analyst")
    builder.compile()


def use_client(model: BaseChatModel) -> str:
    """Lumo's client."""
    client = LumoClient(tools=[search], checkpointer="sqlite:///runs.db")
    assert_type(client.run_task("task", model, tools=["search", search]), RunTaskResponse)
    for event in client.stream_task("task", "gpt-4.1-nano", "https://api.openai.com/v1"):
        if isinstance(event, StreamDoneEvent):
            return event.final_answer or ""
    return client.resume("thread", model, decision={"type": "approve"}).final_answer


def use_executor(executor: Executor) -> Execution:
    """The seams."""
    session: Session = executor.open(limits=Limits())
    return session.execute("1 + 1", seconds=1, serve=lambda request: (_ for _ in ()).throw(KeyError(request.name)))
