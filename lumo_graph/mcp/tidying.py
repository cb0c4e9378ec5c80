"""What a server says of its tools, as far as a model and a provider can use it.

It is text of strangers: bounded, without references, with names that every provider takes. What cannot be kept is left
out of the schema, which then says less; the server checks the arguments itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from lumo_graph.excerpts import readable, shorten
from lumo_graph.storable import whole_characters
from lumo_graph.tools.naming import identifier
from lumo_graph.tools.schemas import JsonSchema, properties_of, required_of, resolve

LONGEST_DESCRIPTION = 4_000
_LONGEST_TEXT = 1_000
_LONGEST_LIST = 200
_LONGEST_NAME = 64
_MOST_PARTS = 3_000
_MOST_PROPERTIES = 100
_DEEPEST = 12
_BLANK = re.compile(r"[ \t]{3,}|\n{3,}")
_UNIONS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONE = ("items", "additionalProperties", "propertyNames")
_PLAIN = (
    "type", "format", "title", "description", "default", "const", "enum", "examples", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "pattern",
    "uniqueItems",
)  # fmt: skip
_REFERENCE = "$ref"
_TYPES = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """The parameters of a tool."""

    schema: dict[str, Any]
    """JSON schema of an object."""
    names: Mapping[str, str]
    """Parameter to what the server calls it."""


def tidy_text(text: object, limit: int = LONGEST_DESCRIPTION) -> str:
    """A description: readable, with at most `limit` characters; nothing if it is no text."""
    if not isinstance(text, str):
        return ""
    return shorten(_BLANK.sub(_shorter, readable(whole_characters(text[: 4 * limit]))).strip(), limit)


def _shorter(blank: re.Match[str]) -> str:
    return "\n\n" if "\n" in blank[0] else "  "


def tidy_parameters(schema: object) -> Tidied:
    """The parameters of a tool, each with as much of its schema as can be kept."""
    root = cast("JsonSchema", schema if isinstance(schema, Mapping) else {})
    found = resolve(root, root)
    needed = required_of(found)
    ordered = sorted(properties_of(found).items(), key=lambda item: item[0] not in needed)[:_MOST_PROPERTIES]
    names = _names([name for name, _ in ordered])
    copy = _Copy(root)
    try:
        properties = {names[name]: copy.schema(inner, 0) for name, inner in ordered}
    except _TooMuchError:
        properties = {names[name]: _flat(inner, root) for name, inner in ordered}
    required = [names[name] for name, _ in ordered if name in needed]
    return Tidied(
        schema={"type": "object", "properties": properties, "required": required},
        names={python: name for name, python in names.items()},
    )


def tidy_result(schema: object) -> dict[str, Any] | None:
    """The schema of a result; None if there is none that says anything."""
    if not isinstance(schema, Mapping):
        return None
    try:
        return _Copy(cast("JsonSchema", schema)).schema(schema, 0) or None
    except _TooMuchError:
        return None


def python_name(name: str) -> str:
    """The closest Python name, of at most 64 characters."""
    return identifier(name)[:_LONGEST_NAME]


def unique_name(name: str, taken: set[str] | Mapping[str, Any]) -> str:
    """The name, with a number if it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        end = f"_{number}"
        found = f"{name[: _LONGEST_NAME - len(end)]}{end}"
    return found


def _names(names: list[str]) -> dict[str, str]:
    """Each parameter to a Python name of its own; one that is a Python name already keeps it."""
    found = {name: name for name in names if python_name(name) == name}
    for name in names:
        if name not in found:
            found[name] = unique_name(python_name(name), {*found.values()})
    return {name: found[name] for name in names}


class _TooMuchError(Exception):
    """A schema has more parts than any that is meant to be read."""


class _NotKeptError(Exception):
    """Data is too much for a keyword, or would be read as something else."""


class _Copy:
    """Copies one document: with what its references refer to in their place, and nothing of it that is not known."""

    def __init__(self, root: JsonSchema) -> None:
        self._root = root
        self._left = _MOST_PARTS
        self._inside: list[str] = []

    def schema(self, schema: Any, depth: int) -> dict[str, Any]:
        """One schema; `{}` for what is none, or lies too deep, or is inside itself."""
        self._spend()
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return {}
        given = cast("JsonSchema", schema)
        if (reference := given.get(_REFERENCE)) is not None:
            return self._referred(str(reference), given, depth)
        plain = {key: self._plain(key, given[key]) for key in _PLAIN if key in given}
        found = {key: kept for key, kept in plain.items() if kept is not None}
        return found | self._inner(given, depth)

    def _inner(self, given: JsonSchema, depth: int) -> dict[str, Any]:
        """The schemas inside a schema."""
        found: dict[str, Any] = {}
        for key in _UNIONS:
            parts = given.get(key)
            if isinstance(parts, list) and parts:
                found[key] = [self.schema(part, depth + 1) for part in cast("list[Any]", parts)]
        for key in _ONE:
            if isinstance(inner := given.get(key), bool):
                found[key] = inner
            elif isinstance(inner, Mapping):
                found[key] = self.schema(inner, depth + 1)
        if properties := properties_of(given):
            kept = {name: self.schema(one, depth + 1) for name, one in properties.items() if name != _REFERENCE}
            found |= {"properties": kept, "required": sorted(required_of(given) & set(kept))}
        return found

    def _referred(self, reference: str, given: JsonSchema, depth: int) -> dict[str, Any]:
        if reference in self._inside or not reference.startswith("#"):
            return {}
        self._inside.append(reference)
        try:
            return self.schema(
                {key: value for key, value in resolve(given, self._root).items() if key != _REFERENCE}, depth
            )
        finally:
            self._inside.pop()

    def _plain(self, key: str, value: Any) -> Any:
        """What a keyword says; None where it cannot be kept."""
        if key == "type":
            kinds = cast("list[Any]", value) if isinstance(value, list) else [value]
            return (
                cast("Any", value) if kinds and all(isinstance(one, str) and one in _TYPES for one in kinds) else None
            )
        if key in ("title", "description", "format", "pattern"):
            return tidy_text(value, _LONGEST_TEXT) or None
        try:
            return self._data(value, 0)
        except _NotKeptError:
            return None

    def _data(self, value: Any, depth: int) -> Any:
        """Data as it is, or nothing of it: a part of it would say something else."""
        self._spend()
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if depth > _DEEPEST or len(value) > (_LONGEST_TEXT if isinstance(value, str) else _LONGEST_LIST):
            raise _NotKeptError
        if isinstance(value, str):
            return whole_characters(value)
        if isinstance(value, list):
            return [self._data(one, depth + 1) for one in cast("list[Any]", value)]
        pairs = cast("Mapping[Any, Any]", value)
        if _REFERENCE in pairs:  # what reads schemas for a provider takes it for one
            raise _NotKeptError
        return {str(name): self._data(one, depth + 1) for name, one in pairs.items()}

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooMuchError


def _flat(schema: Any, root: JsonSchema) -> dict[str, Any]:
    """A parameter's type and description, and nothing that lies deeper."""
    found = resolve(schema, root)
    kind, text = found.get("type"), tidy_text(found.get("description"), _LONGEST_TEXT)
    flat: dict[str, Any] = {"type": kind} if isinstance(kind, str) and kind in _TYPES else {}
    return flat | ({"description": text} if text else {})
