"""What a run came to, as clients get it: what Lumo's SDK reads, what its open server sends, and more."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from lumo_graph.events import RunResult
from lumo_graph.types import Outcome, ToolCall, Usage
from lumo_graph.types import Step as MadeStep
from lumo_graph.wire.texts import json_text, plain

_CODE_TOOL = "python_interpreter"


class TokenUsage(BaseModel):
    """Tokens of the model calls."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CalledFunction(BaseModel):
    """What was called."""

    name: str
    arguments: dict[str, Any]


class StepToolCall(BaseModel):
    """A call, in both shapes: nested as Lumo's SDK reads it, flat as its open server sends it."""

    id: str
    type: str = "function"
    function: CalledFunction
    name: str
    arguments: dict[str, Any]


class Step(BaseModel):
    """One reply of the model and what its action did."""

    tool_calls: Annotated[
        list[StepToolCall],
        Field(description="A code action is a call of `python_interpreter`; the calls its code made follow it."),
    ]
    llm_output: Annotated[str | None, Field(description="What the model wrote around its action.")] = None
    token_usage: TokenUsage | None = None
    step: Annotated[int, Field(description="Its number, from 1.")]
    observation: Annotated[str, Field(description="What the model was told about its action.")] = ""
    error: Annotated[str | None, Field(description="Class of the exception, if the code failed.")] = None
    seconds: float = 0.0


class RunResponse(BaseModel):
    """What a run came to."""

    final_answer: Annotated[str, Field(description="The answer as text; data as JSON; empty if there is none.")]
    response: Annotated[str, Field(description="The same, by the name that Lumo's open server gives it.")]
    answer: Annotated[Any, Field(description="The answer as it is: text or data.")] = None
    steps: list[Step]
    token_usage: TokenUsage | None = None
    outcome: Annotated[Outcome, Field(description="`answered`, or the limit or event that ended the run.")]
    thread_id: str | None = None
    pending: Annotated[
        list[dict[str, Any]], Field(description="What waits for a person; its `id` names it in a decision.")
    ] = []


def response_of(result: RunResult) -> RunResponse:
    """The response that tells of a result."""
    answer = plain(result.answer)
    text = text_of(answer)
    return RunResponse(
        final_answer=text,
        response=text,
        answer=answer,
        steps=[step_of(step) for step in result.steps],
        token_usage=token_usage_of(result.usage),
        outcome=result.outcome,
        thread_id=result.thread_id,
        pending=[plain(request) for request in result.pending],
    )


def text_of(answer: Any) -> str:
    """An answer as text: data as JSON, nothing if there is none."""
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else json_text(answer)


def step_of(step: MadeStep) -> Step:
    """A step, its code as a call of the tool that runs code."""
    code = [] if step.code is None else [ToolCall(name=_CODE_TOOL, args={"code": step.code})]
    calls = [_call_of(call, f"{step.number}.{at}") for at, call in enumerate([*code, *step.calls])]
    return Step(
        tool_calls=calls,
        llm_output=plain(step.thought) or None,
        step=step.number,
        observation=plain(step.observation),
        error=step.error,
        seconds=round(step.seconds, 6),
    )


def token_usage_of(usage: Usage) -> TokenUsage | None:
    """The tokens; None where the provider reports none."""
    if not usage.total_tokens:
        return None
    return TokenUsage(
        prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens, total_tokens=usage.total_tokens
    )


def _call_of(call: ToolCall, number: str) -> StepToolCall:
    name, arguments = plain(call.name), plain(call.args)
    function = CalledFunction(name=name, arguments=arguments)
    return StepToolCall(id=f"call_{number}", function=function, name=name, arguments=arguments)
