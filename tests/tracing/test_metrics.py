"""The figures of runs, as a real meter provider gets them."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from lumo_graph.tracing.content import VARIABLE
from lumo_graph.tracing.metrics import instruments
from tests.tracing.agents import ANSWER, FAILS, SUM, coder


@pytest.fixture
def figures(monkeypatch):
    """Reads the points of one instrument: its dimensions, and how often it measured and what in all."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)
    instruments.cache_clear()

    def read(name):
        data = reader.get_metrics_data()
        found = [metric for resource in data.resource_metrics for scope in resource.scope_metrics
                 for metric in scope.metrics if metric.name == name]  # fmt: skip
        return [point for metric in found for point in metric.data.data_points]

    yield read
    instruments.cache_clear()
    provider.shutdown()


def test_a_run_is_measured_even_where_nobody_traces(figures):
    coder(FAILS, SUM, ANSWER).invoke({"task": "add"})
    (runs,) = figures("lumo_graph.runs")
    assert (runs.value, runs.attributes["lumo_graph.outcome"]) == (1, "answered")
    assert figures("lumo_graph.agent.steps")[0].sum == 3
    assert figures("lumo_graph.self_debug.attempts")[0].sum == 1
    assert figures("gen_ai.invoke_agent.duration")[0].count == 1
    assert figures("lumo_graph.checkpoint.size")[0].sum > 0
    assert figures("lumo_graph.sandbox.duration")[0].count == 3


def test_model_calls_are_measured_with_their_tokens(figures):
    coder(SUM, ANSWER).invoke({"task": "add"})
    (seconds,) = figures("gen_ai.client.operation.duration")
    assert seconds.count == 2
    tokens = {point.attributes["gen_ai.token.type"]: point for point in figures("gen_ai.client.token.usage")}
    assert set(tokens) == {"input", "output"}
    assert tokens["input"].count == 2
    assert dict(seconds.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "scripted",
        "gen_ai.response.model": "scripted",
    }


def test_tools_and_code_are_measured_by_name_and_failure(figures):
    coder(SUM, "```python\nbroken(1)\n```", ANSWER).invoke({"task": "add"})
    found = {
        (point.attributes["gen_ai.tool.name"], point.attributes.get("error.type")): point.count
        for point in figures("gen_ai.execute_tool.duration")
    }
    assert found[("add", None)] == found[("broken", "LookupError")] == 1
    assert found[("python_interpreter", None)] == 2


def test_neither_a_call_that_waits_nor_one_that_is_replayed_is_measured(figures):
    config = {"configurable": {"thread_id": "t"}}
    two = "```python\none = add(0, 1)\ntotal = add(one, 2)\n```"
    agent = coder(two, ANSWER, interrupt_on={"add": lambda args: args["b"] == 2}, checkpointer=InMemorySaver())
    agent.invoke({"task": "add"}, config)
    agent.invoke(Command(resume={"type": "approve"}), config)
    outcomes = {point.attributes["lumo_graph.outcome"]: point.value for point in figures("lumo_graph.runs")}
    assert outcomes == {"interrupted": 1, "answered": 1}
    assert sum(point.sum for point in figures("lumo_graph.agent.steps")) == 2
    counts = {point.attributes["gen_ai.tool.name"]: point.count for point in figures("gen_ai.execute_tool.duration")}
    assert counts == {"add": 2, "python_interpreter": 2}


def test_no_dimension_is_a_name_that_code_has_made_up(figures, spans, monkeypatch):
    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    coder("```python\nclass Mine(Exception): pass\nraise Mine\n```", SUM, ANSWER).invoke({"task": "add"})
    kinds = {point.attributes.get("error.type") for point in figures("gen_ai.execute_tool.duration")}
    assert kinds == {None, "_OTHER"}


def test_no_dimension_is_an_id(figures):
    config = {"configurable": {"thread_id": "thread-7"}}
    coder(SUM, ANSWER, checkpointer=InMemorySaver()).invoke({"task": "add"}, config)
    measured = 0
    for instrument in vars(instruments()).values():
        for point in figures(instrument.name):
            measured += 1
            assert "thread-7" not in str(dict(point.attributes))
            assert not any("id" in key.split(".") for key in point.attributes)
    assert measured >= 9
