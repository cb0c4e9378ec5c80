"""Events as lines of JSON, written and read."""

import json
import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO, cast

from lumo_graph.events import (
    Answered,
    Approval,
    Code,
    Debug,
    Event,
    Observation,
    Output,
    Plan,
    RunResult,
    StepEnded,
    Token,
    ToolEnded,
    ToolStarted,
    event_to_dict,
)
from lumo_graph.types import Isolation, Step, Usage

_KINDS = {kind.type: kind for kind in (Token, Plan, Code, Output, ToolStarted, ToolEnded, Approval, Observation, Debug)}


class LinesView:
    """Prints one JSON object an event a line, and nothing else.

    Args:
        out: where the events go.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.flush()

    def show(self, event: Event) -> None:
        """Print the event."""
        print(json_line(event_to_dict(event)), file=self._out, flush=True)

    def say(self, text: str) -> None:
        """Nothing: words for a person are not for a program."""


def json_line(data: Mapping[str, Any]) -> str:
    """The data as one line of strict JSON. What JSON has no form for is written as its repr, NaN as null."""
    try:
        return json.dumps(data, default=repr, allow_nan=False)
    except (ValueError, TypeError):  # NaN, or a key that is no text
        return json.dumps(_strict(data), default=repr, allow_nan=False)


def read_event(line: str) -> Event:
    """The event in a line of JSON. Of the result of a run, the steps and the messages are not in it."""
    fields: dict[str, Any] = json.loads(line)
    kind = fields.pop("type")
    if kind == StepEnded.type:
        return StepEnded(step=Step.from_dict(fields["step"]))
    if kind == Answered.type:
        result = RunResult(
            answer=fields["answer"],
            outcome=fields["outcome"],
            usage=Usage(**fields["usage"]),
            isolation=Isolation.from_dict(fields["isolation"]) if fields.get("isolation") else None,
            thread_id=fields["thread_id"],
        )
        return Answered(result=result)
    return _KINDS[kind](**fields)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in cast("list[Any]", value)]
    return value
