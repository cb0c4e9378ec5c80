"""What a tool takes, and how the arguments of a call become the tool's input."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import pydantic
import pydantic.v1

from lumo_graph.tools.handing import Handed
from lumo_graph.types import Parameter

AnyModel: TypeAlias = type[pydantic.BaseModel] | type[pydantic.v1.BaseModel]

_LONGEST_NAME = 100
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str, bytes),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list, tuple),
    "object": (dict,),
}


class BadArgumentsError(Exception):
    """A call's arguments do not fit the tool. `kind` is the builtin exception that says so in Python."""

    def __init__(self, message: str, kind: str = "TypeError") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of one tool, and how to bind a call's arguments to them."""

    shown: tuple[Parameter, ...]
    model: AnyModel | None
    """Validates the input; None if the tool has only a JSON schema, or takes one string."""
    keys: Mapping[str, str]
    """Every name an argument may come under, to the name the tool's own schema has for it."""
    schemas: Mapping[str, Mapping[str, Any]]
    """JSON schema of each shown parameter."""
    unset: frozenset[str] = frozenset()
    """Optional parameters for which None means what leaving them out means."""
    needs_call_id: bool = False
    """LangChain injects the id of the call."""
    handed: Mapping[str, Handed] = field(default_factory=dict[str, Handed])
    """Parameters that are handed something by the agent."""
    validated_here: bool = False
    """LangChain does not validate for this tool: its input must be what `validate` returns."""

    def bind(self, tool: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """The tool's input, by the names of its own schema.

        Only shown parameters are accepted: what LangChain injects cannot be set by a model or its code.

        Raises:
            BadArgumentsError: an argument is missing, unexpected, or of a type the JSON schema forbids.
        """
        bound: dict[str, Any] = {}
        for name, value in args.items():
            if name not in self.keys:
                raise BadArgumentsError(self._unexpected(tool, name))
            if value is not None or name not in self.unset:
                bound[self.keys[name]] = value
        for parameter in self.shown:
            if parameter.default is None and self.keys[parameter.name] not in bound:
                raise BadArgumentsError(f"{tool}(): missing the required argument {parameter.name!r}.")
        if self.model is None:
            self._check_types(tool, bound)
        return bound

    def validate(self, bound: Mapping[str, Any]) -> dict[str, Any]:
        """The same input as real objects: enums, dates, models.

        Raises:
            ValidationError: an argument does not validate.
        """
        if self.model is None:
            return dict(bound)
        if issubclass(self.model, pydantic.BaseModel):
            checked: Any = self.model.model_validate(dict(bound))
        else:
            checked = self.model.parse_obj(dict(bound))
        return {name: getattr(checked, name, value) for name, value in bound.items()}

    def _unexpected(self, tool: str, name: str) -> str:
        names = [parameter.name for parameter in self.shown]
        name = str(name)[:_LONGEST_NAME]  # it comes from a session, and searching takes time
        if not names:
            return f"{tool}(): takes no arguments, but got {name!r}."
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"It takes: {', '.join(names)}."
        return f"{tool}(): got an unexpected argument {name!r}. {hint}"

    def _check_types(self, tool: str, bound: Mapping[str, Any]) -> None:
        for parameter in self.shown:
            key = self.keys[parameter.name]
            if key in bound and not _fits(bound[key], self.schemas[parameter.name]):
                wrong = type(bound[key]).__name__
                raise BadArgumentsError(
                    f"{tool}(): the argument {parameter.name!r} must be {parameter.annotation}, not {wrong}.",
                    "ValueError",
                )


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether plain data has the JSON type that is asked for; what is deeper the tool itself checks."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    wanted = schema.get("type")
    kinds = cast("list[str]", wanted) if isinstance(wanted, list) else [wanted] if isinstance(wanted, str) else []
    if isinstance(value, bool):
        return not kinds or "boolean" in kinds
    return not kinds or any(isinstance(value, _JSON_TYPES.get(kind, object)) for kind in kinds)
