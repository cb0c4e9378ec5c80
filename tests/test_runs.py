"""The calls that run an agent, in this process and across two."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lumo_graph import Limits, arun, astream, resume, run, stream
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.events import (
    Answered,
    Code,
    Debug,
    Observation,
    Output,
    RunResult,
    StepEnded,
    Token,
    ToolEnded,
    ToolStarted,
    event_to_dict,
)
from lumo_graph.models import RetryPolicy
from lumo_graph.runs import aresume, resume_stream
from lumo_graph.testing import ScriptedModel


def code(text: str) -> str:
    return f"```python\n{text}\n```"


def shout(text: str) -> str:
    """Shout."""
    return text.upper()


def test_a_run_gives_its_answer_its_steps_and_its_usage():
    result = run("go", ScriptedModel([code("print('hi')"), code("final_answer({'n': 2})")]), agent_type="code-agent")
    assert (result.answer, result.outcome, result.thread_id) == ({"n": 2}, "answered", None)
    assert [step.number for step in result.steps] == [1, 2]
    assert "hi" in result.steps[0].observation
    assert result.usage.model_calls == 2
    assert result.usage.total_tokens > 0


@pytest.mark.anyio
async def test_arun_gives_the_same():
    result = await arun("go", ScriptedModel([code("final_answer(1)")]), agent_type="code-agent")
    assert (result.answer, result.outcome) == (1, "answered")


REPLIES = [code("print(shout('a'))"), code("nope"), code("final_answer('done')")]


def _check_events(events):
    kinds = [type(event) for event in events]
    assert kinds[-1] is Answered
    assert "".join(event.text for event in events if isinstance(event, Token)).count("```python") == 3
    told = [kind for kind in kinds if kind is not Token]
    assert told == [
        Code, ToolStarted, ToolEnded, Output, Observation, StepEnded,
        Code, Observation, StepEnded, Debug,
        Code, Observation, StepEnded, Answered,
    ]  # fmt: skip
    assert [event.ok for event in events if isinstance(event, Observation)] == [True, False, True]
    ended = next(event for event in events if isinstance(event, ToolEnded))
    assert (ended.name, ended.ok, ended.preview) == ("shout", True, "A")


def test_a_stream_shows_tokens_code_tool_calls_output_observations_and_the_answer():
    events = list(stream("go", ScriptedModel(REPLIES), tools=[shout], agent_type="code-agent"))
    _check_events(events)
    assert event_to_dict(events[-1])["answer"] == "done"


@pytest.mark.anyio
async def test_astream_shows_the_same():
    _check_events([e async for e in astream("go", ScriptedModel(REPLIES), tools=[shout], agent_type="code-agent")])


def test_a_stream_of_function_calls_shows_them():
    asked = AIMessage("", tool_calls=[{"name": "shout", "args": {"text": "a"}, "id": "1"}])
    events = list(stream("go", ScriptedModel([asked, "A!"]), tools=[shout]))
    assert [type(e) for e in events if not isinstance(e, Token)] == [
        ToolStarted, ToolEnded, Observation, StepEnded, StepEnded, Answered,
    ]  # fmt: skip


def test_a_stream_that_is_left_early_cancels_the_run(store):
    model = ScriptedModel([code("x = 1"), code("final_answer(x)")])
    events = stream("go", model, agent_type="code-agent", checkpointer=store, thread_id="t")
    assert any(isinstance(event, StepEnded) for event in events)  # stops at the first
    events.close()
    result = resume("t", ScriptedModel([code("final_answer(x + 1)")]), checkpointer=store)
    assert result.answer == 2


def test_a_value_that_ends_its_interpreter_costs_the_thread_itself_only(store):
    poison = "import os\nclass P:\n    def __reduce__(self):\n        return os._exit, (0,)\np = P()\nkept = 41"
    model = ScriptedModel([code(poison), code("final_answer(kept)")])
    first = run("go", model, agent_type="code-agent", checkpointer=store, thread_id="t")
    assert first.answer == 41
    again = ScriptedModel([code("final_answer('p' in globals())")])
    later = run("on", again, agent_type="code-agent", checkpointer=store, thread_id="t")
    assert later.answer is False
    assert "- `p`: it could not be restored" in later.steps[-1].observation


def test_a_thread_goes_on_with_its_variables_in_a_later_run(store):
    first = run("go", ScriptedModel([code("x = [1]\nfinal_answer(x)")]), agent_type="code-agent", checkpointer=store)
    again = ScriptedModel([code("final_answer(x * 3)")])
    second = run("on", again, agent_type="code-agent", checkpointer=store, thread_id=first.thread_id)
    assert (second.answer, len(second.steps)) == ([1, 1, 1], 1)


def test_a_failed_model_keeps_the_checkpoint_and_resume_goes_on():
    saver = InMemorySaver()
    model = ScriptedModel([code("x = 20"), ConnectionError("down")])
    with pytest.raises(ModelError):
        run("go", model, agent_type="code-agent", checkpointer=saver, thread_id="t", retry=RetryPolicy(attempts=1))
    result = resume("t", ScriptedModel([code("final_answer(x + 1)")]), checkpointer=saver)
    assert (result.answer, len(result.steps), result.usage.model_calls) == (21, 2, 2)


@pytest.mark.anyio
async def test_aresume_goes_on_too(store):
    with pytest.raises(ModelError):
        await arun(
            "go",
            ScriptedModel([code("x = 20"), ConnectionError("down")]),
            agent_type="code-agent",
            checkpointer=store,
            thread_id="t",
            retry=RetryPolicy(attempts=1),
        )
    result = await aresume("t", ScriptedModel([code("final_answer(x + 1)")]), checkpointer=store)
    assert result.answer == 21


def test_a_run_that_has_ended_gives_its_result_again():
    saver = InMemorySaver()
    done = run("go", ScriptedModel([code("final_answer(1)")]), agent_type="code-agent", checkpointer=saver)
    again = resume(done.thread_id, ScriptedModel([]), checkpointer=saver)
    assert again == done
    assert [type(event) for event in resume_stream(done.thread_id, ScriptedModel([]), checkpointer=saver)] == [Answered]


def test_a_stream_left_in_the_middle_of_an_action_stops_the_action():
    began = time.monotonic()
    events = stream("go", ScriptedModel([code("print('a', flush=True)\nwhile True: pass")]), agent_type="code-agent")
    assert any(isinstance(event, Output) for event in events)
    events.close()
    assert time.monotonic() - began < 20  # its own limit is 30


def test_tokens_of_a_model_inside_a_tool_are_not_the_agents():
    inner = ScriptedModel(["INNER WORDS"])

    def ask_another(question: str) -> str:
        """Ask another model."""
        return inner.invoke(question).text

    model = ScriptedModel([code("final_answer(ask_another('?'))")])
    events = list(stream("go", model, tools=[ask_another], agent_type="code-agent"))
    assert "INNER" not in "".join(event.text for event in events if isinstance(event, Token))
    assert events[-1].result.answer == "INNER WORDS"


@pytest.mark.parametrize("history", [[{"role": "user", "content": "I like blue."}], [HumanMessage("I like blue.")]])
def test_history_may_be_dicts_or_messages(history):
    model = ScriptedModel(["Blue."])
    run("What do I like?", model, history=history, checkpointer=InMemorySaver())
    assert [message.text for message in model.calls[0][1:]] == ["I like blue.", "What do I like?"]


def test_the_limits_of_the_run_are_what_the_model_is_told():
    model = ScriptedModel(["Fine."])
    run("go", model, agent_type="code-agent", limits={"action_seconds": 7, "max_observation_chars": 1234})
    assert "7 seconds" in model.calls[0][0].text
    assert "1,234" in model.calls[0][0].text


@pytest.mark.parametrize(
    ("misspelt", "hint"),
    [({"agent_typ": "code-agent"}, "agent_type"), ({"max_steps": 3}, "limits="), ({"zzz": 1}, "Options are")],
    ids=["near", "a limit", "unknown"],
)
def test_an_option_that_does_not_exist_is_refused(misspelt, hint):
    with pytest.raises(ConfigurationError, match=hint):
        run("go", ScriptedModel([]), **misspelt)
    with pytest.raises(ConfigurationError, match="'limits'"):
        resume("t", ScriptedModel([]), checkpointer=InMemorySaver(), limits={})


def test_a_failed_run_names_its_thread():
    with pytest.raises(ModelError) as caught:
        run("go", ScriptedModel([ConnectionError()]), checkpointer="memory://named", retry=RetryPolicy(attempts=1))
    found = resume(caught.value.thread_id, ScriptedModel(["Here."]), checkpointer="memory://named")
    assert found.answer == "Here."
    assert caught.value.thread_id in caught.value.__notes__[-1]


def test_a_planning_run_is_resumed_by_an_agent_that_does_not_plan():
    saver = InMemorySaver()
    model = ScriptedModel(["The plan.", code("1"), ConnectionError()])
    options = {"checkpointer": saver, "thread_id": "t", "retry": RetryPolicy(attempts=1)}
    with pytest.raises(ModelError):
        run("go", model, agent_type="code-agent", planning_interval=1, **options)
    # The plan that was due is made still; after the next step the way to another one does not exist.
    rest = ScriptedModel(["The plan, again.", code("2"), "Done."])
    assert resume("t", rest, checkpointer=saver).answer == "Done."
    rest.assert_consumed()


def test_a_store_for_threads_is_refused_where_there_is_an_event_loop(tmp_path):
    with SqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
        going = arun("go", ScriptedModel([]), checkpointer=saver)
        with pytest.raises(ConfigurationError, match="AsyncSqliteSaver"):
            asyncio.run(going)


KILLED_RUN = """
    import os, signal, sys
    from lumo_graph import run
    from lumo_graph.testing import ScriptedModel

    def die(messages):
        os.kill(os.getpid(), signal.SIGKILL)

    replies = ["```python\\nseen = {'a': [1, 2]}\\nalias = seen['a']\\n```", die]
    run("go", ScriptedModel(replies), agent_type="code-agent", checkpointer=sys.argv[1], thread_id="t")
"""


def test_a_killed_process_loses_nothing_and_another_one_goes_on(store):
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_RUN), store], env={**os.environ}, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    model = ScriptedModel([code("alias.append(3)\nfinal_answer(seen)")])
    result = resume("t", model, checkpointer=store)
    assert isinstance(result, RunResult)
    assert (result.answer, len(result.steps)) == ({"a": [1, 2, 3]}, 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"task": ""}, "task is empty"),
        ({"agent_type": "codes"}, "'codes'"),
        ({"thread_id": "t"}, "needs a checkpointer"),
        ({"checkpointer": "redis://x"}, "'redis://x'"),
        ({"limits": {"max_steps": 0}}, "max_steps"),
        ({"history": [{"role": "nobody", "content": "x"}]}, "history"),
        ({"model": "gpt-4.1-nano"}, "openai:"),
        ({"tools": [1]}, "1"),
        ({"executor": 5}, "executor"),
        ({"system_prompt": 5}, "system_prompt"),
        ({"retry": None}, "retry"),
        ({"thread_id": "", "checkpointer": "memory://x"}, "thread_id"),
        ({"checkpointer": "sqlite:///:memory:"}, "must name a file"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_arguments_that_cannot_be_used_are_refused_before_any_work(arguments, named):
    given = {"task": "go", "model": ScriptedModel([]), **arguments}
    with pytest.raises(ConfigurationError, match=named):
        run(given.pop("task"), given.pop("model"), **given)


def test_a_thread_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="'nobody'"):
        resume("nobody", ScriptedModel([]), checkpointer=InMemorySaver())
    with pytest.raises(ConfigurationError, match="missing.db"):
        resume("t", ScriptedModel([]), checkpointer=f"sqlite:///{tmp_path}/missing.db")
    assert not Path(tmp_path, "missing.db").exists()


def test_the_limits_of_a_run_hold_across_a_resume():
    saver = InMemorySaver()
    model = ScriptedModel([code("1"), ConnectionError("down")])
    options = {"agent_type": "code-agent", "checkpointer": saver, "thread_id": "t", "retry": RetryPolicy(attempts=1)}
    with pytest.raises(ModelError):
        run("go", model, limits=Limits(max_steps=2), **options)
    rest = ScriptedModel([code("2"), "That is all."])
    result = resume("t", rest, checkpointer=saver)
    rest.assert_consumed()
    assert (result.outcome, result.answer) == ("max_steps", "That is all.")
