"""What a person has decided, from the options of `lumo resume`."""

import json
from typing import Any, cast

from lumo_graph.errors import ConfigurationError

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


def _object(option: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is not JSON: {error}. It was {text!r}.") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{option} must be a JSON object, not {text!r}.")
    return cast("dict[str, Any]", found)
