import pytest

from lumo_graph.cli.transcript import Transcript, duration
from lumo_graph.events import (
    Answered,
    Code,
    Observation,
    Output,
    Plan,
    RunResult,
    StepEnded,
    Token,
    ToolEnded,
    ToolStarted,
)
from lumo_graph.types import Isolation, Step, ToolCall, Usage


def read(*events, clock=lambda: 0.0):
    transcript = Transcript(clock)
    return [block for event in events for block in transcript.read(event)]


def texts(*events):
    return [(block.kind, block.text) for block in read(*events)]


def answered(answer, outcome="answered", **more):
    return Answered(result=RunResult(answer=answer, outcome=outcome, **more))


def test_output_is_shown_once_and_in_whole_lines():
    observation = "Observation:\nstdout:\na b\nc\n\nvalue of the last expression (int):\n1"
    shown = texts(
        Code(step=1, code="1"),
        Output(stream="stdout", text="a "),
        Output(stream="stdout", text="b\nc"),
        Observation(step=1, text=observation, ok=True),
    )
    assert shown == [
        ("code", "1"),
        ("output", "a b"),
        ("output", "c"),
        ("observation", "value of the last expression (int):\n1"),
    ]


def test_an_observation_that_repeats_what_was_printed_is_left_out():
    shown = texts(
        Code(step=1, code="1"),
        Output(stream="stdout", text="a\n"),
        Observation(step=1, text="Observation:\nstdout:\na", ok=True),
    )
    assert shown == [("code", "1"), ("output", "a")]


def test_an_observation_that_only_repeats_the_answer_is_left_out():
    assert texts(Observation(step=1, text="Observation:\nanswer given (int):\n1", ok=True)) == []


def test_a_failed_observation_keeps_more_lines_than_a_good_one():
    long = "\n".join(str(line) for line in range(50))
    good, failed = (read(Observation(step=1, text=long, ok=ok))[0].text.count("\n") for ok in (True, False))
    assert good < failed < 30


def test_tool_calls_show_arguments_result_and_time():
    [block] = read(
        ToolStarted(call_id="1", name="find", args={"what": "tea", "most": 3, "sizes": "[1, 2]"}),
        ToolEnded(call_id="1", name="find", ok=True, preview="['a', 'b']", seconds=0.002),
    )
    assert block.text == "find(what='tea', most=3, sizes=[1, 2]) -> ['a', 'b']"
    assert block.note == "2 ms"


def test_a_failed_tool_call_says_so():
    [block] = read(
        ToolStarted(call_id="1", name="find", args={}),
        ToolEnded(call_id="1", name="find", ok=False, preview="nothing\nthere", seconds=1),
    )
    assert (block.text, block.ok) == ("find() failed: nothing there", False)


def test_calls_at_once_keep_their_own_arguments():
    shown = texts(
        ToolStarted(call_id="1", name="find", args={"n": 1}),
        ToolStarted(call_id="2", name="find", args={"n": 2}),
        ToolEnded(call_id="2", name="find", ok=True, preview="b", seconds=0),
        ToolEnded(call_id="1", name="find", ok=True, preview="a", seconds=0),
    )
    assert shown == [("call", "find(n=2) -> b"), ("call", "find(n=1) -> a")]


def test_what_an_agent_does_that_was_called_is_marked_with_its_name():
    blocks = read(
        ToolStarted(call_id="1.0", name="helper", args={"task": "x"}),
        Code(step=1, code="send('a')", agent="helper"),
        ToolStarted(call_id="1.0", name="send", args={"text": "a"}, agent="helper"),
        ToolEnded(call_id="1.0", name="send", ok=True, preview="'ok'", seconds=0.1, agent="helper"),
        Output(stream="stdout", text="inside\n", agent="helper"),
        ToolEnded(call_id="1.0", name="helper", ok=True, preview="1", seconds=2.0),
        Observation(step=1, text="Observation:\nstdout:\ninside", ok=True),
    )
    assert [(block.text, block.note) for block in blocks] == [
        ("send('a')", "helper · step 1"),
        ("helper · send(text='a') -> 'ok'", "0.10 s"),
        ("inside", ""),
        ("helper(task='x') -> 1", "2.00 s"),
    ]


def test_the_results_of_native_calls_are_not_shown_twice():
    calls = (ToolCall(name="find"),)
    shown = texts(
        ToolStarted(call_id="1", name="find", args={}),
        ToolEnded(call_id="1", name="find", ok=True, preview="a", seconds=0),
        Observation(step=1, text="a", ok=True),
        StepEnded(step=Step(number=1, calls=calls, observation="a", seconds=0.25)),
    )
    assert shown == [("call", "find() -> a"), ("step", "step 1 · 1 tool call · 0.25 s")]


def test_hundreds_of_calls_and_lines_are_counted_not_shown():
    calls = [
        event
        for number in range(200)
        for event in (
            ToolStarted(call_id=str(number), name="f", args={}),
            ToolEnded(call_id=str(number), name="f", ok=True, preview="", seconds=0),
        )
    ]
    output = Output(stream="stdout", text="line\n" * 500)
    blocks = read(Code(step=1, code="1"), *calls, output, Observation(step=1, text="x", ok=True))
    assert len(blocks) < 100
    assert "… 200 calls in all" in [block.text for block in blocks]
    assert "… 440 more lines" in [block.text for block in blocks]


def test_an_answer_in_prose_is_not_repeated():
    shown = texts(
        Token(text="It is "), Token(text="42.\nSure."), StepEnded(step=Step(number=1)), answered("It is 42.\nSure.")
    )
    assert [text for kind, text in shown if kind in {"thought", "answer"}] == ["It is 42.", "Sure."]


def test_an_answer_with_code_in_it_is_shown_whole():
    text = "Write:\n```python\n1\n```"
    assert ("answer", text) in texts(Token(text=text), answered(text))


def test_an_answer_that_is_data_is_shown_as_json():
    blocks = [block for block in read(answered({"é": [1, b"x"]})) if block.kind == "answer"]
    assert [(block.text, block.note) for block in blocks] == [('{\n  "é": [\n    1,\n    "b\'x\'"\n  ]\n}', "json")]


def test_no_answer_shows_only_how_the_run_ended():
    assert [block.kind for block in read(answered(None, "max_steps"))] == ["end"]


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("answered", "answered"),
        ("max_steps", "stopped: the limit of steps is reached"),
        ("max_debug_attempts", "stopped: the limit of repairs in a row is reached"),
        ("budget", "stopped: the budget is used up"),
        ("interrupted", "interrupted"),
        ("cancelled", "cancelled"),
    ],
)
def test_the_last_line_says_how_the_run_ended(outcome, text):
    ticks = iter([0.0, *[2.5] * 9])
    usage = Usage(model_calls=2, input_tokens=12345, output_tokens=67, cost=0.25)
    *_, block = read(answered("x", outcome, steps=(Step(number=1),), usage=usage), clock=lambda: next(ticks))
    assert block.text == f"{text} · 1 step · 2 model calls · 12,345 tokens in, 67 out · cost 0.2500 · 2.50 s"
    assert block.ok is (outcome == "answered")


@pytest.mark.parametrize(
    ("isolation", "ending"),
    [(None, "0 ms"), (Isolation(tier="full"), "0 ms"), (Isolation(tier="fs"), "0 ms · isolation: fs")],
)
def test_the_last_line_says_when_the_code_was_not_fully_contained(isolation, ending):
    *_, block = read(answered("x", isolation=isolation))
    assert block.text == f"answered · 0 steps · {ending}"


def test_a_plan_that_was_streamed_is_not_repeated():
    assert [text for _, text in texts(Token(text="1. Look.\n2. Tell."), Plan(text="1. Look.\n2. Tell."))] == [
        "1. Look.",
        "2. Tell.",
        "",
    ]


def test_a_plan_that_was_not_streamed_is_shown():
    assert texts(Plan(text="1. Look.")) == [("plan", "1. Look.")]


def test_a_thought_that_was_not_streamed_is_shown_with_its_step():
    assert texts(StepEnded(step=Step(number=1, thought="Hm."))) == [("thought", "Hm."), ("step", "step 1")]


def test_what_is_under_way_is_known():
    transcript = Transcript(iter([0.0, 1.0, 1.0, 5.0, 7.0, 9.0]).__next__)
    assert transcript.doing == "waiting for the model · 1 s"
    assert list(transcript.read(Token(text="I lo"))) == []
    assert transcript.partial == "I lo"
    assert transcript.doing == "the model is writing · 4 s"
    list(transcript.read(Code(step=1, code="1")))
    assert transcript.doing == "running the code · 2 s"


@pytest.mark.parametrize(("seconds", "text"), [(0.0034, "3 ms"), (0.52, "0.52 s"), (9.999, "10.00 s"), (75.4, "75 s")])
def test_times_are_readable(seconds, text):
    assert duration(seconds) == text
