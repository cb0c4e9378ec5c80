"""What a reply asks for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from lumo_graph.errors import ConfigurationError

# Few fields, so they may be given by position: `RunCode("print(1)")`.


@dataclass(frozen=True, slots=True)
class RunCode:
    """Run Python in the session."""

    code: str
    call_ids: tuple[str, ...] = ()
    """The native calls of `python_interpreter` that ask for it; none where the reply itself is the code."""


@dataclass(frozen=True, slots=True)
class CallTools:
    """Make the native tool calls that the reply carries."""


@dataclass(frozen=True, slots=True)
class Answer:
    """End the run with this answer, plain data."""

    value: Any


@dataclass(frozen=True, slots=True)
class Unparsable:
    """Nothing can be done with the reply."""

    reason: str
    """For the model: what is wrong and what to do instead."""


Action: TypeAlias = RunCode | CallTools | Answer | Unparsable

_KINDS: Mapping[str, type[RunCode | CallTools | Answer | Unparsable]] = {
    "run_code": RunCode,
    "call_tools": CallTools,
    "answer": Answer,
    "unparsable": Unparsable,
}


def action_to_dict(action: Action) -> dict[str, Any]:
    """The action as plain data, as the run's state stores it: `{"kind": "run_code", "code": ...}`."""
    kind = next(name for name, shape in _KINDS.items() if isinstance(action, shape))
    fields = asdict(action)
    if "call_ids" in fields:
        fields["call_ids"] = list(fields["call_ids"])
    return {"kind": kind, **fields}


def action_from_dict(data: Mapping[str, Any]) -> Action:
    """The inverse of `action_to_dict`.

    Raises:
        ConfigurationError: the data was not made by `action_to_dict`.
    """
    fields = dict(data)
    try:
        if "call_ids" in fields:
            fields["call_ids"] = tuple(fields["call_ids"])
        return _KINDS[fields.pop("kind")](**fields)
    except (KeyError, TypeError):
        raise ConfigurationError(f"Not a stored action: {data!r}. Its kind is one of {', '.join(_KINDS)}.") from None
