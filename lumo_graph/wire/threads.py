"""What clients are told of threads."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from lumo_graph.checkpoints import CheckpointSummary, Fork, ThreadSummary
from lumo_graph.reading import StoredThread
from lumo_graph.wire.failures import Failed
from lumo_graph.wire.responses import Step, TokenUsage, response_of
from lumo_graph.wire.texts import plain

Status: TypeAlias = Literal["running", "waiting", "ended", "stopped", "damaged"]


class StartedResponse(BaseModel):
    """A run that goes on in the background."""

    thread_id: str
    status: Literal["running"] = "running"


class ErrorResponse(BaseModel):
    """Why there is no answer."""

    error: Annotated[str, Field(description="In a few words.")]
    message: Annotated[str, Field(description="What to do.")]
    thread_id: Annotated[str | None, Field(description="The thread with which the run can be gone on with.")] = None


class ThreadListed(BaseModel):
    """A thread in a list."""

    thread_id: str
    status: Annotated[
        Status,
        Field(description="`waiting`: for a person. `stopped`: its run has not ended; resume goes on with it."),
    ]
    task: str
    agent_type: str
    outcome: str | None
    steps: int
    updated_at: str


class ThreadsResponse(BaseModel):
    """Threads, the one used last first."""

    threads: list[ThreadListed]


class ThreadResponse(BaseModel):
    """A thread, and what its last run has come to."""

    thread_id: str
    status: Status
    task: str
    agent_type: str
    outcome: str | None
    updated_at: str
    final_answer: str
    answer: Any = None
    steps: list[Step]
    token_usage: TokenUsage | None = None
    pending: Annotated[list[dict[str, Any]], Field(description="What waits for a person.")] = []
    failure: Annotated[ErrorResponse | None, Field(description="Why its last run has failed.")] = None


class CheckpointListed(BaseModel):
    """A moment of a thread."""

    number: int
    checkpoint_id: str
    created_at: str
    next: list[str]
    steps: int
    outcome: str | None
    waiting: bool


class HistoryResponse(BaseModel):
    """The moments of a thread, the newest first."""

    checkpoints: list[CheckpointListed]


class ForkResponse(BaseModel):
    """A new thread."""

    thread_id: str
    checkpoint_id: str
    from_thread_id: str


def listed(thread: ThreadSummary, *, running: bool) -> ThreadListed:
    """A thread as a list has it."""
    return ThreadListed(
        thread_id=plain(thread.thread_id),
        status=status_of(thread, running=running),
        task=plain(thread.task),
        agent_type=thread.agent_type,
        outcome=thread.outcome,
        steps=thread.steps,
        updated_at=thread.updated_at,
    )


def thread_response(stored: StoredThread, *, running: bool, failure: Failed | None) -> ThreadResponse:
    """All that there is to tell of a thread."""
    thread, told = stored.summary, response_of(stored.result)
    return ThreadResponse(
        thread_id=thread.thread_id,
        status=status_of(thread, running=running),
        task=plain(thread.task),
        agent_type=thread.agent_type,
        outcome=thread.outcome,
        updated_at=thread.updated_at,
        final_answer=told.final_answer,
        answer=told.answer,
        steps=told.steps,
        token_usage=told.token_usage,
        pending=told.pending,
        failure=None if failure is None else ErrorResponse(error=failure.error, message=failure.message),
    )


def begun_thread(thread_id: str) -> ThreadResponse:
    """A thread whose run waits for its turn: nothing is stored of it."""
    return ThreadResponse(
        thread_id=thread_id,
        status="running",
        task="",
        agent_type="",
        outcome=None,
        updated_at="",
        final_answer="",
        steps=[],
    )


def checkpoint_listed(one: CheckpointSummary) -> CheckpointListed:
    """A moment of a thread."""
    return CheckpointListed(
        number=one.number,
        checkpoint_id=one.checkpoint_id,
        created_at=one.created_at,
        next=list(one.next),
        steps=one.steps,
        outcome=one.outcome,
        waiting=one.waiting,
    )


def fork_response(fork: Fork) -> ForkResponse:
    """A new thread."""
    return ForkResponse(thread_id=fork.thread_id, checkpoint_id=fork.checkpoint_id, from_thread_id=fork.from_thread_id)


def status_of(thread: ThreadSummary, *, running: bool) -> Status:
    """Where a thread stands, in a word."""
    if running:
        return "running"
    if thread.damaged:
        return "damaged"
    if thread.outcome is not None:
        return "ended"
    return "waiting" if thread.waiting else "stopped"
