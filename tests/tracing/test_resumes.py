"""A run that goes on: a trace of its own, a link to the one before it, and the same conversation."""

import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from opentelemetry.trace import StatusCode

from lumo_graph import resume
from lumo_graph.checkpoints import fork_thread, open_checkpointer
from lumo_graph.testing import ScriptedModel
from tests.tracing.agents import ANSWER, SUM, TOOLS, add, coder

ROOT = Path(__file__).parents[2]
TWO = "```python\none = add(0, 1)\ntotal = add(one, 2)\n```"
CONFIG = {"configurable": {"thread_id": "t"}}
APPROVE = {"type": "approve"}
DIES = """
import os, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
from lumo_graph import run
from lumo_graph.testing import ScriptedModel

def add(a: int, b: int) -> int:
    "The sum."
    if a:
        print(f"{trace.get_current_span().get_span_context().trace_id:032x}", flush=True)
        os._exit(9)
    return a + b

model = ScriptedModel(replies=[sys.argv[2]])
run("add", model, tools=[add], agent_type="code-agent", checkpointer=sys.argv[1], thread_id="t")
"""


def asking(*replies):
    def wants_two(args):
        return args["b"] == 2

    return coder(*replies, interrupt_on={"add": {"allowed_decisions": ["approve"], "when": wants_two}},
                 checkpointer=InMemorySaver())  # fmt: skip


def test_a_run_that_waits_is_no_error(spans):
    asking(TWO).invoke({"task": "add"}, CONFIG)
    assert all(span.status.status_code is StatusCode.UNSET for span in spans.all)
    waiting = [span.name for span in spans.all if span.attributes.get("lumo_graph.outcome") == "interrupted"]
    assert waiting == ["invoke_agent lumo_agent", "execute_tool python_interpreter", "execute_tool add"]


def test_a_resume_is_a_trace_of_its_own_that_links_to_the_one_before(spans):
    agent = asking(TWO, ANSWER)
    agent.invoke({"task": "add"}, CONFIG)
    before = spans.one("invoke_agent")
    spans.clear()
    assert agent.invoke(Command(resume=APPROVE), CONFIG)["answer"] == 3
    after = spans.one("invoke_agent")
    assert spans.tree == [
        "invoke_agent lumo_agent",
        "  code_agent.step",
        "    execute_tool python_interpreter",
        "      execute_tool add",
        "      execute_tool add",
        "  code_agent.step",
        "    chat scripted",
        "    execute_tool python_interpreter",
    ]
    assert after.context.trace_id != before.context.trace_id
    assert [link.context.span_id for link in after.links] == [before.context.span_id]
    assert after.attributes["lumo_graph.run.resumed"] is True
    assert after.attributes["gen_ai.conversation.id"] == before.attributes["gen_ai.conversation.id"] == "t"
    assert after.attributes["session.id"] == "t"
    assert after.attributes["lumo_graph.run.id"] == before.attributes["lumo_graph.run.id"]
    assert after.attributes["lumo_graph.run.checkpoint.id"]
    assert after.attributes["lumo_graph.steps"] == 2


def test_a_call_that_was_made_before_is_marked_and_not_measured(spans):
    agent = asking(TWO, ANSWER)
    agent.invoke({"task": "add"}, CONFIG)
    spans.clear()
    agent.invoke(Command(resume=APPROVE), CONFIG)
    first, second = spans.named("execute_tool add")
    assert first.attributes["lumo_graph.replayed"] is True
    assert "lumo_graph.replayed" not in second.attributes
    assert spans.named("execute_tool python")[0].attributes["lumo_graph.replayed_calls"] == 1


def test_a_resume_counts_only_what_it_has_used_itself(spans):
    agent = asking(TWO, ANSWER)
    agent.invoke({"task": "add"}, CONFIG)
    spans.clear()
    agent.invoke(Command(resume=APPROVE), CONFIG)
    used = spans.one("chat").attributes["gen_ai.usage.input_tokens"]
    assert spans.one("invoke_agent").attributes["gen_ai.usage.input_tokens"] == used


def test_the_second_resume_links_to_the_first(spans):
    ones = ["```python\none = add(0, 1)\n```", "```python\ntotal = add(one, 2)\n```"]
    agent = coder(*ones, ANSWER, interrupt_on={"add": True}, checkpointer=InMemorySaver())
    roots = []
    for given in ({"task": "add"}, Command(resume=APPROVE), Command(resume=APPROVE)):
        spans.clear()
        agent.invoke(given, CONFIG)
        roots.append(spans.one("invoke_agent"))
    assert [[link.context.span_id for link in root.links] for root in roots] == [
        [],
        [roots[0].context.span_id],
        [roots[1].context.span_id],
    ]


def test_the_next_task_of_a_thread_links_to_nothing(spans):
    agent = coder(SUM, ANSWER, SUM, ANSWER, checkpointer=InMemorySaver())
    for _ in range(2):
        spans.clear()
        agent.invoke({"task": "add"}, CONFIG)
        root = spans.one("invoke_agent")
        assert (list(root.links), root.attributes["lumo_graph.run.resumed"]) == ([], False)
        assert root.attributes["gen_ai.conversation.id"] == "t"


def test_a_fork_links_to_the_run_it_was_taken_from(spans, tmp_path):
    store = f"sqlite:///{tmp_path}/runs.db"
    with open_checkpointer(store) as saver:
        coder(SUM, ANSWER, checkpointer=saver).invoke({"task": "add"}, CONFIG)
    before = spans.one("invoke_agent")
    spans.clear()
    fork_thread(store, "t", at="4", new_thread_id="u")
    resume("u", ScriptedModel(replies=[ANSWER]), tools=TOOLS, checkpointer=store)
    root = spans.one("invoke_agent")
    assert [link.context.span_id for link in root.links] == [before.context.span_id]
    assert root.attributes["gen_ai.conversation.id"] == "u"


def test_a_run_whose_process_died_is_linked_to_by_the_one_that_goes_on(spans, tmp_path):
    store = f"sqlite:///{tmp_path}/runs.db"
    died = subprocess.run(
        [sys.executable, "-c", DIES, store, TWO], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert died.returncode == 9, died.stderr
    result = resume("t", ScriptedModel(replies=[ANSWER]), tools=[add], checkpointer=store)
    assert result.answer == 3
    root = spans.one("invoke_agent")
    (link,) = root.links
    assert f"{link.context.trace_id:032x}" == died.stdout.strip()
    first, _ = spans.named("execute_tool add")
    assert first.attributes["lumo_graph.replayed"] is True


def test_where_nobody_listens_the_checkpoint_holds_no_trace(tmp_path):
    with open_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver:
        agent = coder(SUM, ANSWER, checkpointer=saver)
        agent.invoke({"task": "add"}, CONFIG)
        assert "traceparent" not in agent.get_state(CONFIG).values["run"]


@pytest.mark.parametrize("stored", ["", "garbage", "00-" + "f" * 32 + "-zz-01"])
def test_a_stored_trace_that_is_none_is_not_linked_to(spans, stored):
    agent = asking(TWO, ANSWER)
    agent.invoke({"task": "add"}, CONFIG)
    run = {**agent.get_state(CONFIG).values["run"], "traceparent": stored}
    agent.update_state(CONFIG, {"run": run}, as_node="generate_code")
    spans.clear()
    agent.invoke(None, CONFIG)
    assert list(spans.one("invoke_agent").links) == []
