"""What clients send."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lumo_graph.wire.conversation import MCPServer, Message
from lumo_graph.wire.depth import check_depth

MAX_PROMPT_CHARS = 32_000
"""Of a system prompt: every checkpoint of its run holds it."""

ThreadId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
        description="Letters, digits and . _ : - after the first; at most 128 characters.",
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=2000)]


class Body(BaseModel):
    """What every request has in common: a name that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _not_too_deep(cls, data: Any) -> Any:
        check_depth(data, "The request")
        return data


class RunRequest(Body):
    """A task. The names are those of Lumo's API; those below `background` are this server's own."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "task": "What is the weather in Berlin?",
                "model": "gpt-4.1-nano",
                "base_url": "https://api.openai.com/v1/chat/completions",
                "tools": ["DuckDuckGo", "VisitWebsite"],
                "agent_type": "code-agent",
            }
        },
    )

    task: Annotated[str, Field(min_length=1, description="What to do.")]
    model: Annotated[Name, Field(description="Name of the model, as the server at `base_url` knows it.")]
    base_url: Annotated[
        Url,
        Field(
            description="Server that speaks the OpenAI protocol, with or without `/chat/completions`.",
        ),
    ]
    tools: Annotated[list[Name] | None, Field(max_length=100, description="Names of tools to make available.")] = None
    max_steps: Annotated[int | None, Field(ge=1, le=1_000_000, description="Model replies; 10 unless given.")] = None
    agent_type: Annotated[
        str | None,
        Field(
            description="How the model acts; `function-calling` unless given.",
            json_schema_extra={"examples": ["code-agent", "function-calling"]},
        ),
    ] = None
    history: Annotated[list[Message] | None, Field(description="The conversation before the task.")] = None
    messages: Annotated[list[Message] | None, Field(description="Another name of `history`, which is better.")] = None
    mcp_servers: Annotated[
        list[MCPServer | Name] | None,
        Field(max_length=20, description="Servers that the operator has named: the name, or the same command."),
    ] = None
    max_results: Annotated[int, Field(ge=1, le=50, description="Of a search.")] = 5
    system_prompt: Annotated[str | None, Field(max_length=MAX_PROMPT_CHARS)] = None
    planning_interval: Annotated[int | None, Field(ge=1, le=1_000_000, description="Steps between plans.")] = None

    background: Annotated[bool, Field(description="Answer at once; the run goes on without its client.")] = False
    thread_id: Annotated[ThreadId | None, Field(description="The thread to start or to go on with.")] = None
    max_tokens: Annotated[int | None, Field(ge=1, le=1 << 53, description="Of the run, in and out together.")] = None
    max_seconds: Annotated[float | None, Field(gt=0, le=1e9, description="Of work in the run.")] = None

    @field_validator("task")
    @classmethod
    def _says_something(cls, task: str) -> str:
        if not task.strip():
            raise ValueError("it is empty: say what to do")
        return task

    @model_validator(mode="after")
    def _one_history(self) -> Self:
        if self.history is not None and self.messages is not None:
            raise ValueError("history and messages are two names of one thing: give one of them")
        return self

    @property
    def earlier(self) -> list[dict[str, Any]]:
        """The conversation before the task, as chat messages."""
        return [message.as_chat() for message in self.history or self.messages or ()]


class ResumeRequest(Body):
    """What goes on with a thread. Everything may be left out: the thread knows how its run was started."""

    decision: Annotated[
        dict[str, Any] | None,
        Field(
            description='About what waits: `{"type": "approve"}`, `{"type": "edit", "edited_action": '
            '{"name": ..., "args": {...}}}`, `{"type": "reject", "message": ...}`, `{"type": "respond", '
            '"message": ...}`, or `{"decisions": [...]}` with one for each call.',
            examples=[{"type": "approve"}],
        ),
    ] = None
    question: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-f]{8,32}$",
            description="The `id` of what the decision is about, or its first 8 digits: nothing else is answered.",
        ),
    ] = None
    stream: Annotated[bool, Field(description="Answer with a stream of events.")] = False
    background: Annotated[bool, Field(description="Answer at once; the run goes on without its client.")] = False
    model: Annotated[Name | None, Field(description="Another model from here on.")] = None
    base_url: Annotated[Url | None, Field(description="Where that model is.")] = None

    @model_validator(mode="after")
    def _one_way_to_answer(self) -> Self:
        if self.stream and self.background:
            raise ValueError("stream and background: nobody would read the stream. Give one of them")
        return self


class ForkRequest(Body):
    """Where a new thread begins."""

    at: Annotated[
        str | int | None,
        Field(description="A checkpoint: its id, the beginning of it, or its number. The newest unless given."),
    ] = None
    new_thread_id: Annotated[ThreadId | None, Field(description="A new one unless given.")] = None

    @field_validator("at", mode="before")
    @classmethod
    def _no_boolean(cls, at: object) -> object:
        if isinstance(at, bool):
            raise ValueError("it must be an id or a number")  # noqa: TRY004 - pydantic reads this one
        return at
