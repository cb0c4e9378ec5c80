"""One run as events, as a failing and a good code action make them."""

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
)
from lumo_graph.types import Step, ToolCall, Usage

FAILED = "Observation:\nstdout:\nbefore\n\nerror: KeyError on line 2\n'b'"
GOOD = "Observation:\nstdout:\nx is 42\n\nvalue of the last expression (int):\n42"

RUN = (
    Token(text="I look it up.\n"),
    Token(text="```python\nprint('before')\nd['b']\n```"),
    Code(step=1, code="print('before')\nd['b']"),
    Output(stream="stdout", text="before\n"),
    Observation(step=1, text=FAILED, ok=False),
    StepEnded(
        step=Step(number=1, thought="I look it up.", code="d['b']", observation=FAILED, error="KeyError", seconds=0.5)
    ),
    Debug(text=f"{FAILED}\n\nRepair this: KeyError on line 2\n\n3 attempts are left."),
    Token(text="I repair it.\n```python\nx = double(21)\nprint('x is', x)\nx\n```"),
    Code(step=2, code="x = double(21)\nprint('x is', x)\nx"),
    ToolStarted(call_id="2.0", name="double", args={"n": 21}),
    ToolEnded(call_id="2.0", name="double", ok=True, preview="42", seconds=0.002),
    Output(stream="stdout", text="x is"),
    Output(stream="stdout", text=" 42\n"),
    Observation(step=2, text=GOOD, ok=True),
    StepEnded(
        step=Step(
            number=2,
            thought="I repair it.",
            code="x",
            calls=(ToolCall(name="double", args={"n": 21}, preview="42"),),
            observation=GOOD,
            seconds=12.25,
        )
    ),
    Token(text="The answer is **42**."),
    StepEnded(step=Step(number=3, thought="The answer is **42**.")),
    Answered(
        result=RunResult(
            answer={"x": 42},
            outcome="answered",
            usage=Usage(model_calls=3, input_tokens=1200, output_tokens=34),
            thread_id="t",
        )
    ),
)
