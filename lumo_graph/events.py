"""What a run shows while it goes on. `stream` and `astream` yield these; `to_dict` is their JSON form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeAlias

from lumo_graph.artifacts import Artifact
from lumo_graph.notebook import result_html
from lumo_graph.types import Isolation, Outcome, Step, Stream, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to."""

    answer: Any
    """What the code gave to `final_answer`, as plain data, or the model's closing text; None if there is none."""
    outcome: Outcome
    """`answered`, or the limit or event that ended the run."""
    steps: tuple[Step, ...] = ()
    """The steps of this run, in order."""
    messages: tuple[Any, ...] = ()
    """Every message of the thread, as LangChain messages."""
    usage: Usage = field(default_factory=Usage)
    """What the model calls of this run used."""
    isolation: Isolation | None = None
    """What contained the code of this run, as its executor reports it; None if no code was run."""
    thread_id: str | None = None
    """The thread that `resume` and later runs continue."""
    pending: tuple[Mapping[str, Any], ...] = ()
    """What waits for a person: LangChain's `HITLRequest` of every interrupt, with the `id` by which `resume` can name
    it; with outcome `interrupted`."""
    artifacts: tuple[Artifact, ...] = ()
    """The files that were in the working directory of the thread's code when the run ended, such as a plot."""

    def _repr_html_(self) -> str:
        """As a notebook shows it: the answer, pictures among the files, and the steps."""
        return result_html(
            self.answer,
            self.outcome,
            steps=self.steps,
            usage=self.usage,
            artifacts=self.artifacts,
            waiting=len(self.pending),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the model's reply, as it comes."""

    type: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan the model made."""

    type: ClassVar[str] = "plan"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code action that is about to run."""

    type: ClassVar[str] = "code"
    step: int
    code: str
    agent: str | None = None
    """The agent whose code it is, if it was called by this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Something the running code printed."""

    type: ClassVar[str] = "output"
    stream: Stream
    text: str
    agent: str | None = None
    """The agent whose code it is, if it was called by this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A tool call, from code or by function calling."""

    type: ClassVar[str] = "tool_call"
    call_id: str
    """Pairs the call with its end; unique in the run."""
    name: str
    args: Mapping[str, Any]
    agent: str | None = None
    """The agent that makes the call, if it was called by this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    """The end of a tool call."""

    type: ClassVar[str] = "tool_result"
    call_id: str
    name: str
    ok: bool
    preview: str
    seconds: float
    replayed: bool = False
    """It was made when the action ran before; its recorded result was given again."""
    edited: Mapping[str, Any] | None = None
    """The arguments that it was called with, if a person has changed them."""
    agent: str | None = None
    """The agent that has made the call, if it was called by this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Calls that wait for a person. The run goes on when `resume` brings the decision."""

    type: ClassVar[str] = "approval"
    request: Mapping[str, Any]
    """LangChain's `HITLRequest`, with its `id`, and the `code`, the `lines` and the `calls_before` of a code action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the model is told about its action."""

    type: ClassVar[str] = "observation"
    step: int
    text: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """The observation of a failed action as the model sees it: with the debug brief below it."""

    type: ClassVar[str] = "debug"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """A finished step."""

    type: ClassVar[str] = "step"
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The end of the run; always the last event."""

    type: ClassVar[str] = "answer"
    result: RunResult


Event: TypeAlias = (
    Token | Plan | Code | Output | ToolStarted | ToolEnded | Approval | Observation | Debug | StepEnded | Answered
)


def event_to_dict(event: Event) -> dict[str, Any]:
    """The event as JSON data: its fields and its `type`. Messages are left out of an answer; they are in the thread."""
    if isinstance(event, Answered):
        result = event.result
        return {
            "type": event.type,
            "answer": result.answer,
            "outcome": result.outcome,
            "steps": len(result.steps),
            "usage": asdict(result.usage),
            "isolation": None if result.isolation is None else result.isolation.to_dict(),
            "thread_id": result.thread_id,
            "pending": [dict(request) for request in result.pending],
            "artifacts": [
                {"name": artifact.name, "media_type": artifact.media_type, "size": artifact.size}
                for artifact in result.artifacts
            ],
        }
    return {"type": event.type, **asdict(event)}
