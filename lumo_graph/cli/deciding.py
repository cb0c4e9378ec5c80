"""What a person has decided, as the options of `lumo resume`: read, and suggested. Pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, cast

from lumo_graph.errors import ConfigurationError
from lumo_graph.questions import SHORT

_OPTIONS = "--approve, --reject, --respond, --edit or --decision"


def decision_from(
    *, approve: bool, reject: str | None, respond: str | None, edit: str | None, decision: str | None
) -> dict[str, Any] | None:
    """The decision that the options make; None if they make none.

    Args:
        approve: let the calls be made.
        reject: the reason not to.
        respond: what the call is to return.
        edit: JSON of the call to make instead: `{"name": ..., "args": {...}}`.
        decision: JSON of any decision, or of one for each call: `{"decisions": [...]}`.

    Raises:
        ConfigurationError: there are several, or one is not JSON of an object.
    """
    made: list[dict[str, Any]] = []
    if approve:
        made.append({"type": "approve"})
    if reject is not None:
        made.append({"type": "reject", "message": reject})
    if respond is not None:
        made.append({"type": "respond", "message": respond})
    if edit is not None:
        made.append({"type": "edit", "edited_action": _object("--edit", edit)})
    if decision is not None:
        made.append(_object("--decision", decision))
    if len(made) > 1:
        raise ConfigurationError(f"Give one of {_OPTIONS}. For several calls: --decision '{{\"decisions\": [...]}}'.")
    return made[0] if made else None


def suggested_options(pending: Sequence[Mapping[str, Any]]) -> str:
    """Options of `lumo resume` that decide what waits, with capitals where a person has to say something.

    They name the question: given twice, they do not answer the next one too.
    """
    if len(pending) != 1 or not pending[0].get("action_requests"):
        return ""  # a tool that asks by itself is answered by its own program
    return f"{_decision_options(pending[0])} --question {pending[0]['id'][:SHORT]}"


def _decision_options(asked: Mapping[str, Any]) -> str:
    choices = [_first_of(review["allowed_decisions"]) for review in asked["review_configs"]]
    calls = [call["name"] for call in asked["action_requests"]]
    decisions = [_example(choice, name) for choice, name in zip(choices, calls, strict=True)]
    match decisions:
        case [{"type": "approve"}]:
            return "--approve"
        case [{"type": "reject", "message": str(text)}]:
            return f"--reject {text}"
        case [{"type": "respond", "message": str(text)}]:
            return f"--respond {text}"
        case [{"type": "edit", "edited_action": action}]:
            return f"--edit {shlex.quote(json.dumps(action))}"
        case _:
            return f"--decision {shlex.quote(json.dumps({'decisions': decisions}))}"


def _first_of(allowed: Sequence[str]) -> str:
    return next(choice for choice in ("approve", "reject", "respond", "edit") if choice in allowed)


def _example(choice: str, name: str) -> dict[str, Any]:
    examples: dict[str, dict[str, Any]] = {
        "approve": {},
        "reject": {"message": "REASON"},
        "respond": {"message": "TEXT"},
        "edit": {"edited_action": {"name": name, "args": {"...": "..."}}},
    }
    return {"type": choice, **examples[choice]}


def _object(option: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is not JSON: {error}. It was {text!r}.") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{option} must be a JSON object, not {text!r}.")
    return cast("dict[str, Any]", found)
