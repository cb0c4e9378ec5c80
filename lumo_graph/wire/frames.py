"""What happens in a run, as the frames of a stream. Lumo's SDK reads four types of them and passes over the others."""

from typing import Any

from lumo_graph.events import Answered, Event, RunResult, StepEnded, Token, event_to_dict
from lumo_graph.wire.failures import Failed
from lumo_graph.wire.responses import response_of, step_of
from lumo_graph.wire.texts import plain


def frame_of(event: Event) -> dict[str, Any]:
    """The frame that tells of an event."""
    if isinstance(event, Token):
        return {"type": "token", "content": plain(event.text)}
    if isinstance(event, StepEnded):
        return {"type": "step", "step": step_of(event.step).model_dump()}
    if isinstance(event, Answered):
        return done_frame(event.result)
    return plain(event_to_dict(event))


def thread_frame(thread_id: str | None) -> dict[str, Any]:
    """The first frame: by what name the run can be found again."""
    return {"type": "thread", "thread_id": thread_id}


def error_frame(error: Failed) -> dict[str, Any]:
    """The frame before the last one of a run that failed."""
    return {"type": "error", "error": error.error, "message": error.message}


def done_frame(result: RunResult) -> dict[str, Any]:
    """The last frame of a run: its response without the steps, which have had their own."""
    return {"type": "done", **response_of(result).model_dump(exclude={"steps"})}


def failed_frame(thread_id: str | None) -> dict[str, Any]:
    """The last frame of a run that failed."""
    return {"type": "done", "final_answer": None, "token_usage": None, "outcome": None, "thread_id": thread_id}
