"""What happens in a task, as Lumo's SDK tells it."""

from collections.abc import Iterator

from pydantic import BaseModel

from lumo_graph.events import Answered, Event, StepEnded, Token
from lumo_graph.wire.responses import RunResponse, Step, TokenUsage, response_of, step_of


class StreamTokenEvent(BaseModel):
    """A piece of the model's reply."""

    type: str = "token"
    content: str


class StreamStepEvent(BaseModel):
    """A finished step."""

    type: str = "step"
    step: Step


class StreamErrorEvent(BaseModel):
    """The run has failed after it had begun; Lumo's SDK passes over it."""

    type: str = "error"
    message: str


class StreamDoneEvent(BaseModel):
    """The end; always the last event."""

    type: str = "done"
    final_answer: str | None = None
    token_usage: TokenUsage | None = None
    result: RunResponse | None = None
    """All of the result; None if the run has failed."""


def told_event(event: Event) -> Iterator[StreamTokenEvent | StreamStepEvent | StreamDoneEvent]:
    """What Lumo's SDK tells of an event, if anything."""
    if isinstance(event, Token):
        yield StreamTokenEvent(content=event.text)
    elif isinstance(event, StepEnded):
        yield StreamStepEvent(step=step_of(event.step))
    elif isinstance(event, Answered):
        result = response_of(event.result)
        yield StreamDoneEvent(final_answer=result.final_answer, token_usage=result.token_usage, result=result)
