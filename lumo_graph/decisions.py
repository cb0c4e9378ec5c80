"""What a person is asked about calls that wait, and what the answer means. Pure.

The shapes are those of LangChain's `HumanInTheLoopMiddleware`, so that front ends which know them work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, field_validator, model_validator

from lumo_graph.errors import ConfigurationError
from lumo_graph.journal import can_be_recorded

DecisionType: TypeAlias = Literal["approve", "edit", "reject", "respond"]
DECISIONS: tuple[DecisionType, ...] = get_args(DecisionType)
PYTHON = "python_interpreter"
"""The name under which whole code actions are asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call that waits."""

    name: str
    args: dict[str, Any]
    description: str
    allowed: tuple[DecisionType, ...] = DECISIONS
    line: int | None = None
    """Line of the code action that asks for it."""


class EditedAction(BaseModel):
    """The call that is made instead."""

    model_config = ConfigDict(extra="forbid")
    name: str
    args: dict[str, Any]

    @field_validator("args")
    @classmethod
    def _can_be_recorded(cls, args: dict[str, Any]) -> dict[str, Any]:
        # The call would be made, and then could not be recorded: so it would be made again by every run after it.
        if not can_be_recorded(args):
            raise ValueError(
                f"edited arguments must be plain data (None, bool, int of 64 bits, float, str, bytes, list, dict), "
                f"not {args!r}: give a date as text, a set as a list"
            )
        return args


class Decision(BaseModel):
    """What a person says about one call."""

    model_config = ConfigDict(extra="forbid")
    type: DecisionType
    edited_action: EditedAction | None = None
    message: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Decision":
        if (self.type == "edit") is not (self.edited_action is not None):
            raise ValueError('an "edit" carries "edited_action": {"name": ..., "args": {...}}, and nothing else does')
        if self.type == "respond" and self.message is None:
            raise ValueError('a "respond" carries "message": what the call is to return')
        return self


class Decisions(BaseModel):
    """One decision for every call that was asked about, in their order."""

    model_config = ConfigDict(extra="forbid")
    decisions: list[Decision]


def question(
    requests: Sequence[Request],
    *,
    question_id: str,
    code: str | None,
    calls_before: Sequence[str],
    agent: str | None = None,
) -> dict[str, Any]:
    """The value of the interrupt: LangChain's request, and what only a code action has.

    Args:
        requests: the calls that wait.
        question_id: names the question. LangGraph's id of the interrupt counts the answers that it has stored, and so
            is another one, or that of an earlier question, after a crash has lost the newest.
        code: the code action that makes them; None for function calls.
        calls_before: what the action has called already.
        agent: the agent that asks, if it was called by another one.
    """
    return {
        **({} if agent is None else {"agent": agent}),
        "id": question_id,
        "action_requests": [
            {"name": request.name, "args": request.args, "description": request.description} for request in requests
        ],
        "review_configs": [
            {"action_name": request.name, "allowed_decisions": list(request.allowed)} for request in requests
        ],
        "code": code,
        "lines": [request.line for request in requests],
        "calls_before": list(calls_before),
    }


def is_question(value: Mapping[str, Any]) -> bool:
    """Whether it is a `question` of ours, and not what a tool asks by itself."""
    return set(value) - {"agent"} == {"id", "action_requests", "review_configs", "code", "lines", "calls_before"}


def answer_schema(requests: Sequence[Request]) -> type[RootModel[Any]]:
    """A model that an answer to these requests fits: one decision for each, and each one that is allowed."""

    class HumanAnswer(RootModel[Decision | Decisions]):
        """A decision, or `{"decisions": [...]}` with one for each call."""

        @model_validator(mode="after")
        def _fits(self) -> "HumanAnswer":
            given = decisions_in(self)
            if len(given) != len(requests):
                names = ", ".join(request.name for request in requests)
                raise ValueError(f"{len(given)} decisions were given for {len(requests)} calls ({names})")
            for request, decision in zip(requests, given, strict=True):
                if decision.type not in request.allowed:
                    raise ValueError(
                        f"{decision.type!r} is not allowed for {request.name}: choose {', '.join(request.allowed)}"
                    )
                # Another tool has a rule of its own, which nobody would have been asked about.
                if (edited := decision.edited_action) is not None and edited.name != request.name:
                    raise ValueError(
                        f"an edit of {request.name} changes its arguments, and cannot make it a call of {edited.name}: "
                        "reject it and say what to call"
                    )
                if edited is not None and edited.name == PYTHON and not _is_code(edited.args):
                    raise ValueError(f'an edit of {PYTHON} has the args {{"code": "..."}}, not {edited.args!r}')
            return self

    return HumanAnswer


def _is_code(args: Mapping[str, Any]) -> bool:
    return list(args) == ["code"] and isinstance(args["code"], str)


def check_decision(decision: object) -> dict[str, Any]:
    """A decision, or decisions, of the right shape.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        RootModel[Decision | Decisions].model_validate(decision)
    except ValidationError as error:
        raise ConfigurationError(
            f"{decision!r} is no decision: {first_problem(error)} Give {{'type': 'approve'}}, "
            "{'type': 'edit', 'edited_action': {'name': ..., 'args': {...}}}, {'type': 'reject', 'message': ...}, "
            "{'type': 'respond', 'message': ...}, or {'decisions': [...]} with one of these for each call."
        ) from error
    return dict(cast("Mapping[str, Any]", decision))


def first_problem(error: ValidationError) -> str:
    """What is wrong, in a sentence."""
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    message = found["msg"].removeprefix("Value error, ")
    return f"{message} ({place})." if place else f"{message}."


def decisions_in(answer: RootModel[Any]) -> list[Decision]:
    """The decisions of an answer."""
    root = answer.root
    return root.decisions if isinstance(root, Decisions) else [root]


def decisions_of(stored: object) -> list[Decision]:
    """The decisions of an answer, as `model_dump` has made plain data of it."""
    return decisions_in(RootModel[Decision | Decisions].model_validate(stored))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Calls that a person was asked about together, as the journal keeps them."""

    keys: tuple[str, ...]
    """The calls; `PYTHON` stands for the whole action."""
    requests: tuple[Request, ...] = ()
    question: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Primitive fields."""
        return {
            "keys": list(self.keys),
            "allowed": [list(request.allowed) for request in self.requests],
            "question": self.question,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Wave":
        """The inverse of `to_dict`, as far as an answer needs it."""
        asked = data["question"].get("action_requests", [])
        requests = tuple(
            Request(name=one["name"], args=one["args"], description=one["description"], allowed=tuple(allowed))
            for one, allowed in zip(asked, data["allowed"], strict=True)
        )
        return cls(keys=tuple(data["keys"]), requests=requests, question=data["question"])
