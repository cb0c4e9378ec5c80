"""What a checkpoint holds. The only module that knows how the channels are stored.

Lists and variables live in `DeltaChannel`s: a checkpoint stores what a step added, so a thread grows linearly.
Everything a node writes is primitive or a LangChain message, so strict msgpack reads it back in any process.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Annotated, Any, NotRequired, Required, cast

from langchain_core.messages import AnyMessage, BaseMessage, RemoveMessage, convert_to_messages
from langgraph.channels import DeltaChannel, EphemeralValue
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Overwrite
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from lumo_graph.types import AgentTypeName, Outcome


def add_messages(state: Sequence[Any], writes: Sequence[Any]) -> list[BaseMessage]:
    """Append messages in order; one with a known id replaces it, a RemoveMessage takes it out.

    Batching-invariant, as `DeltaChannel` asks: folding two batches one after the other equals folding both at once.
    """
    known = _typed(state)
    given = [cast("list[Any]", write) if isinstance(write, list) else [write] for write in writes]
    added = [message for batch in given for message in _typed(batch)]
    if _are_all_new(added, known):
        return [*known, *added]
    messages: dict[object, BaseMessage] = {message.id or object(): message for message in known}
    for message in added:
        if not isinstance(message, RemoveMessage):
            messages[message.id or object()] = message
        elif message.id == REMOVE_ALL_MESSAGES:
            messages.clear()
        else:
            messages.pop(message.id, None)
    return list(messages.values())


def _are_all_new(added: Sequence[BaseMessage], known: Sequence[BaseMessage]) -> bool:
    """Whether nothing known is replaced or taken out. It is so with almost every write."""
    if any(isinstance(message, RemoveMessage) for message in added):
        return False
    ids = [message.id for message in added if message.id]
    return len(set(ids)) == len(ids) and set(ids).isdisjoint(map(attrgetter("id"), known))


def _typed(messages: Sequence[Any]) -> Sequence[BaseMessage]:
    if all(map(isinstance, messages, repeat(BaseMessage))):  # looks at a whole thread in every step, so without a loop
        return messages
    return convert_to_messages(messages)


def append(state: list[Any], writes: Sequence[list[Any]]) -> list[Any]:
    """Concatenate lists."""
    return [*state, *(item for write in writes for item in write)]


def merge(state: dict[str, Any], writes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Update a mapping; None removes its key."""
    merged = dict(state)
    for write in writes:
        for key, value in write.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
    return merged


class RunFields(TypedDict):
    """What one run was asked to do. Written by `prepare`, so that nothing of the run before shines through."""

    id: str
    task: str
    agent_type: str
    limits: dict[str, Any]
    planning_interval: int | None
    interrupt_on: NotRequired[list[str]]
    """Tools whose calls waited for a person when the run began. Who goes on with it may not give the rules again."""
    instructions: NotRequired[str]
    """Of the run's context, in place of the agent's own. A context is not stored, and whoever goes on may give none."""
    closing: str | None
    """Id of the message that closed the run; None while something is left to do."""
    traceparent: NotRequired[str]
    """The span of the run as W3C trace context, where runs are traced: whoever goes on with it links to it."""


class Counters(TypedDict):
    """What one run has used. In the checkpoint, so that a resume does not start again from zero."""

    steps: int
    failures: int
    """Actions in a row that failed, the last one included; 0 after one that did not."""
    tool_calls: int
    seconds: float
    planned_at: int
    """Steps made when the last plan was made; -1 before the first plan."""


_described = with_config(ConfigDict(use_attribute_docstrings=True))
"""A server's schema of it says what stands below its fields. Of those that it inherits, their own description."""


class RunInput(TypedDict, total=False):
    """What one run is asked; gone once `prepare` has read it, so that a later run never inherits it."""

    task: Annotated[str, Field(description="What to do. Not needed where `messages` end with it."), EphemeralValue]
    agent_type: Annotated[
        AgentTypeName,
        Field(description="`code-agent` or `function-calling` (`code`, `mcp`); the agent's own unless given."),
        EphemeralValue,
    ]
    history: Annotated[
        list[Any],
        Field(description="What was said before, as messages, in a thread that does not know it yet."),
        EphemeralValue,
    ]
    limits: Annotated[
        dict[str, Any],
        Field(description="What the run may use: the fields of `Limits` that differ from the agent's own."),
        EphemeralValue,
    ]


@_described
class AgentInput(RunInput, total=False):
    """What a run takes. A `task`, or `messages` that end with one."""

    messages: Annotated[list[AnyMessage], DeltaChannel(add_messages)]
    """New messages of the conversation; the last human one is the task."""


@_described
class AgentOutput(TypedDict, total=False):
    """What a run gives."""

    answer: Any
    """Plain data, as the code or the model gave it; None where there is none."""
    outcome: Outcome | None
    """Why the run ended."""
    steps: Annotated[list[dict[str, Any]], DeltaChannel(append)]
    """The steps of this run, each the `to_dict` of a `Step`."""
    messages: Required[Annotated[list[AnyMessage], DeltaChannel(add_messages)]]
    """The conversation of the thread."""
    usage: dict[str, Any]
    """What the model calls of this run used, the fields of a `Usage`."""
    isolation: dict[str, Any] | None
    """What contained the session of this run's code, the `to_dict` of an `Isolation`; None if no code was run."""
    artifacts: Annotated[dict[str, bytes], DeltaChannel(merge)]
    """Files in the working directory of the thread's code: path below it to content. They come from the session:
    untrusted. An empty folder is a path with a `/` at its end."""


class ToolResult(TypedDict):
    """One tool call of the function-call branch, done."""

    call_id: str
    name: str
    args: dict[str, Any]
    text: str
    """What the model is told."""
    ok: bool
    preview: str
    seconds: float
    replayed: NotRequired[bool]
    edited: NotRequired[bool]
    """As in `ToolCall`; False unless given."""
    answer: NotRequired[Any]
    """The argument of `final_answer`, where that is what was called."""


class AgentState(RunInput, AgentOutput, total=False):
    """Everything a thread is: its conversation, its variables and the run in flight."""

    run: Required[RunFields]
    counters: Required[Counters]
    action: dict[str, Any] | None
    """What the last reply asked for; the `action_to_dict` of an `Action`."""
    execution: dict[str, Any] | None
    """What the last code action did; the `to_dict` of an `Execution`."""
    results: list[ToolResult] | None
    """What the last tool calls of the function-call branch gave."""
    lost: Annotated[dict[str, str], EphemeralValue]
    """Values that were missing in the session of the last code action, because it had to be restored."""
    at_risk: Annotated[dict[str, str], EphemeralValue]
    """Values of the last code action that cannot be stored, where the model has not been told yet."""
    namespace: Annotated[dict[str, bytes], DeltaChannel(merge)]
    """The session's variables: component to bytes. Only a session may load them."""
    revision: str
    """Names this state of the namespace, so that a live session knows whether it is the one."""
    variables: Annotated[dict[str, str], DeltaChannel(merge)]
    """The session's variables as the model is told of them: name to description."""
    unsaved: dict[str, str]
    """Values of the live session that are not in `namespace`: path to reason."""
    restore: Annotated[str, EphemeralValue]
    """Where the last code action found the variables, a `Restore`."""


class Update(TypedDict, total=False):
    """What a node returns: the channels it writes, each as its reducer takes it."""

    messages: list[BaseMessage]
    run: RunFields
    counters: Counters
    usage: dict[str, Any]
    isolation: dict[str, Any] | None
    action: dict[str, Any] | None
    execution: dict[str, Any] | None
    results: list[ToolResult] | None
    lost: dict[str, str]
    at_risk: dict[str, str]
    namespace: Mapping[str, bytes | None]
    revision: str
    variables: Mapping[str, str | None]
    unsaved: Mapping[str, str]
    restore: str
    artifacts: Mapping[str, bytes | None]
    steps: list[dict[str, Any]] | Overwrite
    answer: Any
    outcome: Outcome | None
