"""The tree of a run, in whatever way it is run."""

import asyncio
import subprocess
import sys
import threading
from operator import add as plus
from pathlib import Path
from typing import Annotated, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from lumo_graph import arun, astream, create_lumo_agent, run, stream
from lumo_graph.errors import ModelError
from lumo_graph.managed import Agent
from lumo_graph.middleware import CodeActionMiddleware
from lumo_graph.testing import ScriptedModel
from tests.tracing.agents import ANSWER, FAILS, GATHER, SUM, THREADS, TOOLS, add, caller, calls, coder

ROOT = Path(__file__).parents[2]
CODE = [
    "invoke_agent lumo_agent",
    "  code_agent.step",
    "    chat scripted",
    "    execute_tool python_interpreter",
    "      execute_tool add",
    "  code_agent.step",
    "    chat scripted",
    "    execute_tool python_interpreter",
]
CALLED = [
    "invoke_agent lumo_agent",
    "  agent.step",
    "    chat scripted",
    "    execute_tool add",
    "    execute_tool add",
    "  agent.step",
    "    chat scripted",
]


def test_a_code_agent_is_one_tree(spans):
    assert coder(SUM, ANSWER).invoke({"task": "add"})["answer"] == 3
    assert spans.tree == CODE


def test_a_function_calling_agent_is_one_tree(spans):
    two = calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
    assert caller(two, "3 and 7").invoke({"task": "add"})["answer"] == "3 and 7"
    assert spans.tree == CALLED


@pytest.mark.anyio
async def test_it_is_the_same_from_an_event_loop(spans):
    await coder(SUM, ANSWER).ainvoke({"task": "add"})
    assert spans.tree == CODE


def test_it_is_the_same_in_a_stream(spans):
    for _ in coder(SUM, ANSWER).stream({"task": "add"}):
        assert not trace.get_current_span().get_span_context().is_valid  # between two chunks the caller is not inside
    assert spans.tree == CODE


@pytest.mark.anyio
async def test_it_is_the_same_in_an_async_stream(spans):
    async for _ in coder(SUM, ANSWER).astream({"task": "add"}):
        assert not trace.get_current_span().get_span_context().is_valid
    assert spans.tree == CODE


@pytest.mark.anyio
async def test_it_is_the_same_in_a_stream_of_langchains_events(spans):
    async for _ in coder(SUM, ANSWER).astream_events({"task": "add"}, version="v2"):
        pass
    assert spans.tree == CODE


def test_run_and_stream_make_the_same_tree(spans):
    options = {"tools": TOOLS, "agent_type": "code-agent"}
    run("add", ScriptedModel(replies=[SUM, ANSWER]), **options)
    assert spans.tree == CODE
    spans.clear()
    assert [*stream("add", ScriptedModel(replies=[SUM, ANSWER]), **options)][-1].result.answer == 3
    assert spans.tree == CODE


@pytest.mark.anyio
async def test_arun_and_astream_make_the_same_tree(spans):
    options = {"tools": TOOLS, "agent_type": "code-agent"}
    await arun("add", ScriptedModel(replies=[SUM, ANSWER]), **options)
    assert spans.tree == CODE
    spans.clear()
    async for _ in astream("add", ScriptedModel(replies=[SUM, ANSWER]), **options):
        pass
    assert spans.tree == CODE


def test_the_span_of_a_run_says_what_it_was(spans):
    coder(FAILS, SUM, ANSWER, name="adder").invoke({"task": "add"})
    about = spans.one("invoke_agent adder").attributes
    assert about["gen_ai.operation.name"] == "invoke_agent"
    assert about["gen_ai.agent.name"] == "adder"
    assert about["gen_ai.provider.name"] == about["gen_ai.request.model"] == "scripted"
    assert about["openinference.span.kind"] == "AGENT"
    assert about["lumo_graph.agent_type"] == "code-agent"
    assert about["lumo_graph.outcome"] == "answered"
    assert about["lumo_graph.steps"] == 3
    assert about["lumo_graph.self_debug.attempts"] == 1
    assert about["lumo_graph.run.resumed"] is False
    assert about["lumo_graph.sandbox.tier"]
    chats = spans.named("chat")
    assert about["gen_ai.usage.input_tokens"] == sum(chat.attributes["gen_ai.usage.input_tokens"] for chat in chats)
    assert about["gen_ai.usage.output_tokens"] == sum(chat.attributes["gen_ai.usage.output_tokens"] for chat in chats)
    assert "gen_ai.conversation.id" not in about  # it is stored nowhere


def test_a_step_says_its_number_and_nothing_of_a_model(spans):
    coder(FAILS, SUM, ANSWER).invoke({"task": "add"})
    steps = [step.attributes for step in spans.named("code_agent.step")]
    assert [step["lumo_graph.step.number"] for step in steps] == [1, 2, 3]
    assert [step["lumo_graph.self_debug"] for step in steps] == [False, True, False]
    assert not any(
        name.startswith(("gen_ai.request", "gen_ai.usage", "gen_ai.provider")) for step in steps for name in step
    )


def test_a_model_call_says_what_it_used(spans):
    coder(ANSWER.replace("total", "1")).invoke({"task": "add"})
    chat = spans.one("chat")
    assert chat.kind is SpanKind.CLIENT
    assert chat.attributes["gen_ai.response.model"] == "scripted"
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert chat.attributes["gen_ai.usage.input_tokens"] > 0
    assert chat.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert chat.attributes["lumo_graph.retry.attempt"] == 1
    assert chat.attributes["openinference.span.kind"] == "LLM"


def test_each_attempt_of_a_model_call_has_a_span(spans):
    from lumo_graph.models import RetryPolicy

    quick = RetryPolicy(attempts=2, first_wait=0)
    coder(ConnectionError("gone"), ANSWER.replace("total", "1"), retry=quick).invoke({"task": "add"})
    first, second = spans.named("chat")
    assert (first.status.status_code, second.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert first.attributes["error.type"] == "ConnectionError"
    assert [chat.attributes["lumo_graph.retry.attempt"] for chat in (first, second)] == [1, 2]
    assert spans.parent_of(first) is spans.parent_of(second) is spans.one("code_agent.step")


def test_failing_code_is_an_error_of_its_span_alone(spans):
    coder("```python\n1 / 0\n```", SUM, ANSWER).invoke({"task": "add"})
    failed = next(span for span in spans.named("execute_tool python") if span.status.status_code is StatusCode.ERROR)
    assert failed.attributes["error.type"] == "ZeroDivisionError"
    assert failed.attributes["lumo_graph.code.attempt"] == 1
    assert spans.one("invoke_agent").status.status_code is StatusCode.UNSET
    assert all(step.status.status_code is StatusCode.UNSET for step in spans.named("code_agent.step"))


def test_a_code_action_says_where_its_variables_came_from_and_what_it_stored(spans):
    coder(SUM, ANSWER).invoke({"task": "add"})
    first, second = (span.attributes for span in spans.named("execute_tool python"))
    assert (first["lumo_graph.restore"], second["lumo_graph.restore"]) == ("new", "live")
    assert first["lumo_graph.snapshot.bytes"] > 0 == second["lumo_graph.snapshot.bytes"]
    assert first["lumo_graph.sandbox.kind"] == "ProcessExecutor"
    assert len(first["lumo_graph.code.sha256"]) == 64
    assert first["gen_ai.tool.call.id"] == "1"


def test_a_failing_tool_is_an_error_of_its_span(spans):
    coder("```python\nbroken(1)\n```", "```python\nfinal_answer(0)\n```").invoke({"task": "add"})
    tool = spans.one("execute_tool broken")
    assert tool.status.status_code is StatusCode.ERROR
    assert tool.attributes["error.type"] == "LookupError"
    assert tool.attributes["gen_ai.tool.call.id"] == "1.0"


def test_a_failing_run_is_an_error(spans):
    with pytest.raises(ModelError):
        coder(ValueError("no")).invoke({"task": "add"})
    root = spans.one("invoke_agent")
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description is None
    assert root.attributes["error.type"] == "ModelError"
    assert root.attributes["lumo_graph.outcome"] == "failed"
    assert not root.events


@pytest.mark.parametrize(("action", "name", "count"), [(THREADS, "add", 4), (GATHER, "slow_add", 3)])
def test_tools_that_the_code_calls_at_once_are_below_it(spans, action, name, count):
    coder(action, "```python\nfinal_answer(found)\n```").invoke({"task": "add"})
    found = spans.named(f"execute_tool {name}")
    assert len(found) == count
    assert {spans.parent_of(span).name for span in found} == {"execute_tool python_interpreter"}
    assert len(spans.tree) == 7 + count


@pytest.mark.anyio
@pytest.mark.parametrize("action", [THREADS, GATHER])
async def test_so_are_they_from_an_event_loop(spans, action):
    await coder(action, "```python\nfinal_answer(found)\n```").ainvoke({"task": "add"})
    found = [span for span in spans.named("execute_tool") if span.name.endswith("add")]
    assert {spans.parent_of(span).name for span in found} == {"execute_tool python_interpreter"}


def test_what_a_tool_traces_itself_is_below_its_call(spans, tracer):
    def fetch() -> int:
        """Fetches."""
        with tracer.start_as_current_span("GET"):
            return 1

    async def afetch() -> int:
        """Fetches."""
        with tracer.start_as_current_span("GET"):
            await asyncio.sleep(0)
            return 1

    coder("```python\nfetch() + await afetch()\n```", "```python\nfinal_answer(0)\n```", tools=[fetch, afetch]).invoke(
        {"task": "x"}
    )
    first, second = spans.named("GET")
    assert spans.parent_of(first).name == "execute_tool fetch"
    assert spans.parent_of(second).name == "execute_tool afetch"


def test_a_stream_that_is_left_early_ends_its_spans(spans):
    chunks = coder(SUM, ANSWER).stream({"task": "add"})
    for chunk in chunks:
        if "execute" in chunk:
            break
    chunks.close()
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "cancelled"
    assert spans.one("invoke_agent").status.status_code is StatusCode.UNSET
    assert spans.tree[:2] == CODE[:2]


@pytest.mark.anyio
async def test_an_async_stream_that_is_left_early_ends_its_spans(spans):
    chunks = coder(SUM, ANSWER).astream({"task": "add"})
    async for chunk in chunks:
        if "execute" in chunk:
            break
    await chunks.aclose()
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "cancelled"


@pytest.mark.anyio
async def test_a_cancelled_run_ends_its_spans(spans):
    started = asyncio.Event()

    async def wait() -> None:
        """Waits."""
        started.set()
        await asyncio.sleep(60)

    agent = caller(calls(("wait", {})), tools=[wait])
    task = asyncio.create_task(agent.ainvoke({"task": "wait"}))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "cancelled"


SLOW_LOOP = """
import asyncio
from tests.tracing.agents import ANSWER, SUM, coder
kept = []

async def leave():
    chunks = coder(SUM, ANSWER).astream({"task": "add"})
    kept.append(chunks)
    async for chunk in chunks:
        if "execute" in chunk:
            break

asyncio.run(leave())
"""


@pytest.mark.parametrize("traced", [True, False])
def test_a_stream_that_is_left_open_when_its_loop_ends_says_nothing(traced):
    head = "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
    head += "trace.set_tracer_provider(TracerProvider())\n"
    code = (head if traced else "") + SLOW_LOOP
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("by", ["code", "call"])
def test_a_tool_that_hangs_has_a_span_that_ends_with_its_action(spans, by):
    released = threading.Event()

    def hang() -> int:
        """Hangs."""
        released.wait(60)
        return 1

    limits = {"action_seconds": 1}
    agents = {
        "code": lambda: coder("```python\nhang()\n```", "```python\nfinal_answer(0)\n```", tools=[hang], limits=limits),
        "call": lambda: caller(calls(("hang", {})), "It hung.", tools=[hang], limits=limits),
    }
    try:
        agents[by]().invoke({"task": "hang"})
        tool = spans.one("execute_tool hang")
        assert tool.attributes["lumo_graph.outcome"] == "abandoned"
        assert tool.status.status_code is StatusCode.UNSET
        assert spans.tree[0] == "invoke_agent lumo_agent"
    finally:
        released.set()


@pytest.mark.anyio
async def test_an_async_tool_that_is_stopped_is_no_error_of_ours(spans):
    async def wait() -> None:
        """Waits."""
        await asyncio.sleep(60)

    await caller(calls(("wait", {})), "done", tools=[wait], limits={"action_seconds": 1}).ainvoke({"task": "wait"})
    tool = spans.one("execute_tool wait")
    assert tool.attributes["lumo_graph.outcome"] == "abandoned"
    assert "error.type" not in tool.attributes


def fails(*_, **__):
    raise RuntimeError("a mistake")


@pytest.mark.parametrize("where", ["on_start", "on_end"])
def test_a_span_processor_that_fails_breaks_no_run(spans, monkeypatch, where):
    provider = TracerProvider(shutdown_on_exit=False)
    broken = SpanProcessor()
    monkeypatch.setattr(broken, where, fails)
    provider.add_span_processor(broken)
    monkeypatch.setattr("lumo_graph.tracing.spans._tracer", provider.get_tracer("lumo_graph"))
    assert coder(SUM, ANSWER).invoke({"task": "add"})["answer"] == 3
    assert [*coder(SUM, ANSWER).stream({"task": "add"})]


def test_what_cannot_be_encoded_is_no_part_of_a_span(spans):
    wanted = AIMessage("", tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "\ud800"}])
    config = {"configurable": {"thread_id": "\udfff"}}
    caller(wanted, "3", checkpointer=InMemorySaver()).invoke({"task": "add"}, config)
    assert spans.one("execute_tool add").attributes["gen_ai.tool.call.id"] == "\ufffd"
    assert {span.attributes["gen_ai.conversation.id"] for span in spans.all} == {"\ufffd"}


# -- the parent


def test_the_callers_span_is_the_parent(spans, tracer):
    with tracer.start_as_current_span("request") as request:
        coder(SUM, ANSWER).invoke({"task": "add"})
        assert trace.get_current_span() is request
    assert spans.tree == ["request", *("  " + line for line in CODE)]


@pytest.mark.anyio
async def test_the_callers_span_is_the_parent_on_an_event_loop(spans, tracer):
    with tracer.start_as_current_span("request"):
        await asyncio.gather(coder(SUM, ANSWER).ainvoke({"task": "a"}), coder(SUM, ANSWER).ainvoke({"task": "b"}))
    assert sorted(spans.tree) == sorted(["request", *("  " + line for line in [*CODE, *CODE])])


@pytest.mark.parametrize("place", ["configurable", "metadata"])
def test_a_traceparent_in_the_config_is_the_parent(spans, place):
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    coder(SUM, ANSWER).invoke({"task": "add"}, {place: {"traceparent": given}})
    root = spans.one("invoke_agent")
    assert f"{root.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{root.parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize("garbage", ["", "00-1-2-3", 7, "00-" + "0" * 32 + "-b7ad6b7169203331-01", "é" * 55])
def test_a_traceparent_that_is_none_is_a_new_root(spans, garbage):
    coder(SUM, ANSWER).invoke({"task": "add"}, {"metadata": {"traceparent": garbage}})
    assert spans.tree == CODE
    assert spans.one("invoke_agent").parent is None


def test_below_a_parent_that_is_not_sampled_nothing_is(spans):
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    assert coder(SUM, ANSWER).invoke({"task": "add"}, {"metadata": {"traceparent": given}})["answer"] == 3
    assert spans.all == []


def test_an_agent_that_is_not_to_be_traced_is_not(spans, tracer):
    with tracer.start_as_current_span("request"):
        assert coder(SUM, ANSWER, tracing=False).invoke({"task": "add"})["answer"] == 3
    assert spans.tree == ["request"]
    run("add", ScriptedModel(replies=[SUM, ANSWER]), tools=TOOLS, agent_type="code-agent", tracing=False)
    assert spans.tree == ["request"]


# -- in larger graphs


class Many(TypedDict):
    answers: Annotated[list, plus]


def test_agents_that_run_in_parallel_are_siblings(spans, tracer):
    def solve(state):
        return {"answers": [coder(SUM, ANSWER).invoke({"task": state["task"]})["answer"]]}

    graph = StateGraph(Many)
    graph.add_node("solve", solve)
    graph.add_conditional_edges(START, lambda _: [Send("solve", {"task": str(n)}) for n in range(3)], ["solve"])
    with tracer.start_as_current_span("pipeline"):
        assert graph.compile().invoke({"answers": []})["answers"] == [3, 3, 3]
    assert sorted(spans.tree) == sorted(["pipeline", *("  " + line for line in CODE * 3)])
    for root in spans.named("invoke_agent"):
        assert spans.parent_of(root).name == "pipeline"
    assert all(
        spans.parent_of(tool).name == "execute_tool python_interpreter" for tool in spans.named("execute_tool add")
    )


def test_an_agent_as_a_subgraph_is_below_whoever_runs_the_parent(spans, tracer):
    from langgraph.graph import MessagesState

    graph = StateGraph(MessagesState)
    graph.add_node("agent", coder(SUM, ANSWER))
    graph.add_edge(START, "agent")
    with tracer.start_as_current_span("pipeline"):
        graph.compile().invoke({"messages": [("user", "add")]})
    assert spans.tree == ["pipeline", *("  " + line for line in CODE)]


def test_an_agent_as_a_tool_is_below_the_call(spans):
    inner = coder(SUM, ANSWER, name="adder")

    def ask_adder(task: str) -> int:
        """Asks another agent."""
        return inner.invoke({"task": task})["answer"]

    asks = "```python\ntotal = ask_adder('add')\n```"
    coder(asks, ANSWER, tools=[ask_adder], name="boss").invoke({"task": "go"})
    assert spans.parent_of(spans.one("invoke_agent adder")).name == "execute_tool ask_adder"
    assert spans.tree[0] == "invoke_agent boss"
    assert len(spans.tree) == 2 * len(CODE)


def test_an_untraced_agent_inside_a_traced_one_leaves_no_spans(spans):
    inner = coder(SUM, ANSWER, name="adder", tracing=False)

    def ask_adder(task: str) -> int:
        """Asks another agent."""
        return inner.invoke({"task": task})["answer"]

    asks = "```python\ntotal = ask_adder('add')\n```"
    coder(asks, ANSWER, tools=[ask_adder], name="boss").invoke({"task": "go"})
    assert len(spans.tree) == len(CODE)


def test_plans_and_last_words_are_part_of_the_run_and_of_no_step(spans):
    limits = {"max_steps": 1}
    create_lumo_agent(
        ScriptedModel(replies=["I plan.", SUM, "It is 3."]),
        [add],
        agent_type="code-agent",
        planning_interval=5,
        limits=limits,
    ).invoke({"task": "add"})
    assert spans.tree == [
        "invoke_agent lumo_agent",
        "  chat scripted",
        "  code_agent.step",
        "    chat scripted",
        "    execute_tool python_interpreter",
        "      execute_tool add",
        "  chat scripted",
    ]
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "max_steps"


def test_a_copy_of_an_agent_with_another_config_is_traced_too(spans):
    coder(SUM, ANSWER).with_config(tags=["mine"]).invoke({"task": "add"})
    assert spans.tree == CODE


def test_the_end_of_a_run_is_logged_in_its_trace(spans, caplog):
    from lumo_graph.tracing.correlation import correlate_logs

    correlate_logs()
    with caplog.at_level("INFO", "lumo_graph"):
        coder(SUM, ANSWER).invoke({"task": "add"})
    (record,) = caplog.records
    assert record.message == "run of lumo_agent ended: answered, steps: 2"
    assert record.otelTraceID == f"{spans.one('invoke_agent').context.trace_id:032x}"


def test_a_resumed_run_that_makes_no_step_of_its_own_says_how_many_there_were(spans):
    from langgraph.checkpoint.memory import InMemorySaver

    config = {"configurable": {"thread_id": "t"}}
    agent = coder(SUM, ANSWER, checkpointer=InMemorySaver())
    agent.invoke({"task": "add"}, config, interrupt_before=["answer"])
    assert spans.one("invoke_agent").attributes["lumo_graph.outcome"] == "interrupted"
    spans.clear()
    agent.invoke(None, config)
    about = spans.one("invoke_agent").attributes
    assert (about["lumo_graph.steps"], about["lumo_graph.outcome"]) == (2, "answered")
    assert about["lumo_graph.sandbox.tier"]


def test_where_nothing_is_left_to_do_no_outcome_is_told(spans):
    from langgraph.checkpoint.memory import InMemorySaver

    config = {"configurable": {"thread_id": "t"}}
    agent = coder(SUM, ANSWER, checkpointer=InMemorySaver())
    agent.invoke({"task": "add"}, config)
    spans.clear()
    agent.invoke(None, config)
    assert "lumo_graph.outcome" not in spans.one("invoke_agent").attributes


@pytest.mark.anyio
async def test_code_that_is_stopped_with_its_run_is_no_error(spans):
    from lumo_graph.events import Output

    model = ScriptedModel(replies=["```python\nprint('on')\nimport time\ntime.sleep(60)\n```"])
    events = astream("go", model, agent_type="code-agent")
    async for event in events:
        if isinstance(event, Output):
            break
    await events.aclose()
    while not spans.named("invoke_agent"):  # noqa: ASYNC110 - the loop closes what is left of the graph's stream
        await asyncio.sleep(0.01)
    code = spans.one("execute_tool python")
    assert (code.status.status_code, code.attributes["lumo_graph.outcome"]) == (StatusCode.UNSET, "cancelled")


@pytest.mark.parametrize("from_a_loop", [False, True])
def test_an_agent_that_is_called_is_a_branch_of_its_callers_tree(spans, from_a_loop):
    inner = create_lumo_agent(ScriptedModel([SUM, ANSWER]), TOOLS, agent_type="code-agent", name="summer")
    outer = [calls(("helper", {"task": "add"})), "3"]
    agents = [Agent("helper", "Adds.", inner)]
    if from_a_loop:
        asyncio.run(arun("x", ScriptedModel(outer), agents=agents))
    else:
        run("x", ScriptedModel(outer), agents=agents)
    assert spans.tree == [
        "invoke_agent lumo_agent",
        "  agent.step",
        "    chat scripted",
        "    execute_tool helper",
        *(f"      {line.replace('lumo_agent', 'summer')}" for line in CODE),
        "  agent.step",
        "    chat scripted",
    ]


def test_code_in_an_agent_of_langchains_is_traced_below_the_callers_span(spans):
    code = {"name": "python_interpreter", "args": {"code": "print(add(a=1, b=2))"}, "id": "c"}
    model = ScriptedModel([AIMessage("", tool_calls=[code]), "3"])
    agent = create_agent(model, [add], middleware=[CodeActionMiddleware()])
    with trace.get_tracer("test").start_as_current_span("caller"):
        agent.invoke({"messages": [("user", "x")]})
    assert spans.tree == ["caller", "  execute_tool python_interpreter", "    execute_tool add"]


def test_with_tracing_off_it_is_not(spans):
    code = {"name": "python_interpreter", "args": {"code": "1"}, "id": "c"}
    model = ScriptedModel([AIMessage("", tool_calls=[code]), "1"])
    agent = create_agent(model, [], middleware=[CodeActionMiddleware(tracing=False)])
    with trace.get_tracer("test").start_as_current_span("caller"):
        agent.invoke({"messages": [("user", "x")]})
    assert spans.tree == ["caller"]
