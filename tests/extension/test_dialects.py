"""A model may speak another way: a dialect given to the agent, or offered by an installed package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph import create_lumo_agent, resume, run
from lumo_graph.dialects import CodeDialect, RunCode
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel, ScriptedOpenAI
from tests.extension.speech import JsonDialect

HERE = Path(__file__).parent


def says(**fields):
    return json.dumps(fields)


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


REPLIES = [
    says(thought="First I compute.", code="a = double(number=4)\nprint(a)"),
    "What was the form again?",
    says(code="b = a / 0"),
    says(thought="Now with the right name.", code="b = a + 1"),
    says(answer=9),
]


def test_a_dialect_of_ones_own_acts_debugs_and_answers_as_the_code_agent_does():
    with ScriptedModel(REPLIES) as model:
        result = run(
            "go", model, agent_type="json-agent", dialects=[JsonDialect()], tools=[double], system_prompt="Be."
        )
    assert (result.answer, result.outcome) == (9, "answered")
    assert [step.error for step in result.steps] == [None, "Unparsable", "ZeroDivisionError", None, None]
    assert [step.thought for step in result.steps][:1] == ["First I compute."]
    system = model.calls[0][0].text
    assert system.startswith("Reply with one JSON object")
    assert "def double(number: int) -> int" in system
    assert system.endswith("Be.")
    assert "`a` = 8" in model.calls[3][-1].text  # the debug brief of ours


def test_a_run_chooses_its_dialect_and_the_next_run_of_the_thread_another_with_the_same_variables():
    saver = InMemorySaver()
    model = ScriptedModel([says(code="a = 5"), says(answer="set"), "```python\nfinal_answer(a)\n```", "5"])
    agent = create_lumo_agent(model, dialects=[JsonDialect()], checkpointer=saver)
    config = {"configurable": {"thread_id": "t"}}
    answers = [
        agent.invoke({"task": "go", "agent_type": kind}, config)["answer"]
        for kind in ("json-agent", "code-agent", "function-calling")
    ]
    assert answers == ["set", 5, "5"]


def test_a_run_goes_on_in_its_dialect_and_says_what_is_missing_where_it_is_not_there():
    saver = InMemorySaver()

    def charge(amount: int) -> int:
        """Charge."""
        return amount

    options = {"tools": [charge], "checkpointer": saver, "interrupt_on": {"charge": True}}
    model = ScriptedModel([says(code="print(charge(amount=3))"), says(answer="paid")])
    asked = run("go", model, agent_type="json-agent", dialects=[JsonDialect()], thread_id="t", **options)
    assert asked.outcome == "interrupted"
    with pytest.raises(ConfigurationError, match="speaks the dialect 'json-agent', which is not there now"):
        resume("t", model, decision={"type": "approve"}, **options)
    done = resume("t", model, dialects=[JsonDialect()], **options)
    assert (done.answer, done.steps[0].calls[0].name) == ("paid", "charge")


def test_our_own_dialect_can_be_subclassed_under_its_name():
    class Terse(CodeDialect):
        def prompt(self, facts):
            return "Write Python."

    model = ScriptedModel(["```python\nfinal_answer(1)\n```"])
    assert run("go", model, agent_type="code", dialects=[Terse()]).answer == 1
    assert model.calls[0][0].text == "Write Python."


class Raw(CodeDialect):
    name = "raw"

    def parse(self, reply, tools):
        return RunCode(str(reply.text))


@pytest.mark.parametrize(
    ("dialects", "message"),
    [
        ([JsonDialect], "is a class: give an object of it, JsonDialect()"),
        ([object()], "has no prompt, parse, thought()"),
        (JsonDialect(), "must be a list of dialects"),
        ([JsonDialect(), JsonDialect()], "Two dialects are named 'json-agent'"),
        ([type("Named", (Raw,), {"name": "function-calling"})()], "another agent type"),
        ([type("Named", (Raw,), {"name": "code"})()], "another agent type"),
        ([type("Named", (Raw,), {"name": None})()], "must have a name"),
    ],
)
def test_what_is_no_dialect_is_refused_before_any_work(dialects, message):
    with pytest.raises(ConfigurationError) as caught:
        create_lumo_agent(ScriptedModel([]), dialects=dialects)
    assert message in str(caught.value)


def test_an_agent_type_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(
        ConfigurationError, match="Choose 'function-calling', 'code-agent' or 'raw'.*Did you mean 'raw'"
    ):
        run("go", ScriptedModel([]), agent_type="rav", dialects=[Raw()])


def test_a_dialect_that_makes_something_else_of_a_reply_is_named():
    class Odd(Raw):
        def parse(self, reply, tools):
            return "print(1)"

    with pytest.raises(ConfigurationError, match="'raw' made 'print.1.' of a reply"):
        run("go", ScriptedModel([AIMessage("x")]), agent_type="raw", dialects=[Odd()])


@pytest.mark.parametrize(
    ("part", "made", "message"),
    [
        ("parse", ValueError("boom"), "'raw' fails on a reply, in parse: ValueError: boom"),
        ("thought", ValueError("think"), "'raw' fails on a reply, in thought: ValueError: think"),
        ("thought", 7, "made 7 of a reply's thought"),
    ],
)
def test_a_dialect_that_fails_is_named(part, made, message):
    def fail(*_):
        if isinstance(made, Exception):
            raise made
        return made

    dialect = type("Odd", (Raw,), {part: fail})()
    with pytest.raises(ConfigurationError, match=message):
        run("go", ScriptedModel(["1"]), agent_type="raw", dialects=[dialect])


@pytest.fixture
def package(tmp_path):
    """A folder of installed packages, with one that offers dialects."""
    (tmp_path / "speech.py").write_text((HERE / "speech.py").read_text())
    (tmp_path / "broken_speech.py").write_text("import no_such_package_at_all\n")
    info = tmp_path / "speech-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: speech\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lumo_graph.dialects]\n"
        "json-agent = speech:JsonDialect\n"
        "other-name = speech:JsonDialect\n"
        "broken = broken_speech:Dialect\n"
        "code-agent = speech:JsonDialect\n"
    )
    return tmp_path


def lumo(package, *args, env):
    return subprocess.run(
        [sys.executable, "-m", "lumo_graph.cli", "run", "What is 6 times 7?", *args],
        env={**env, "PYTHONPATH": f"{package}:{HERE.parents[1]}", "LUMO_CHECKPOINTER": f"sqlite:///{package}/runs.db"},
        cwd=package,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_installed_package_offers_a_dialect_to_the_command_line(package):
    with ScriptedOpenAI([says(code="x = 6 * 7"), says(answer=42)]) as server:
        args = ["--base-url", server.base_url, "--model", "openai:gpt-4.1-nano", "--api-key", "none"]
        done = lumo(package, "--agent-type", "json-agent", *args, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout


@pytest.mark.parametrize(
    ("agent_type", "message"),
    [
        ("other-name", "of speech calls itself 'json-agent'"),
        ("broken", "of speech cannot be loaded: ModuleNotFoundError"),
        ("json-agents", "Did you mean 'json-agent'?"),
    ],
)
def test_an_installed_dialect_that_cannot_be_used_is_told_in_a_line(package, agent_type, message):
    args = ["--base-url", "http://127.0.0.1:9/v1", "--model", "openai:gpt-4.1-nano", "--api-key", "none"]
    done = lumo(package, "--agent-type", agent_type, *args, env=os.environ)
    assert done.returncode == 2, done.stderr
    assert message in " ".join(done.stderr.split())


def test_no_package_can_put_its_dialect_in_the_place_of_ours(package):
    program = "from lumo_graph.dialects.spoken import dialect_of\nprint(type(dialect_of('code-agent', {})).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{package}:{HERE.parents[1]}"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "CodeDialect"
