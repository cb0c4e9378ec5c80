"""JSON Schema to Python source: the one language that pydantic models, functions and MCP tools all have."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

JsonSchema: TypeAlias = Mapping[str, Any]

_DEEPEST = 6
_MOST_BRANCHES = 100
_MOST_PARTS = 500
"""Of one type: a schema that refers to itself from many places has no end otherwise."""
_MOST_CHOICES = 40
_LONGEST_SHAPE = 1000
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {
    "date-time": "ISO 8601 date and time",
    "date": "ISO 8601 date",
    "time": "ISO 8601 time",
    "duration": "ISO 8601 duration, such as 'PT1H30M'",
    "uuid": "a UUID",
    "uri": "a URL",
    "email": "an e-mail address",
    "path": "a path",
    "file-path": "path of an existing file",
    "directory-path": "path of an existing directory",
}
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {!r}",
}


def annotation_of(schema: Any, root: JsonSchema, *, as_result: bool = False) -> str:
    """Python source of the type of plain data that a schema accepts.

    Args:
        schema: the schema of one value.
        root: the document it stands in, for its references.
        as_result: a result crosses as data, so its tuples have become lists.

    Returns:
        Source such as `list[str]`, `Literal['a', 'b'] | None` or `dict`; `Any` where the schema says nothing.
    """
    return _Writer(root, shapes=False, tuples=not as_result).write(schema, 0)


def shape_of(schema: Any, root: JsonSchema, *, as_result: bool = False) -> str:
    """The keys of the dicts in a type, such as `list[{city: str, days: int = 3}]`; empty if it has no known keys."""
    shape = _Writer(root, shapes=True, tuples=not as_result).write(schema, 0)
    if shape == annotation_of(schema, root, as_result=as_result):
        return ""
    return shape if len(shape) <= _LONGEST_SHAPE else shape[: _LONGEST_SHAPE - 1] + "…"


def constraints_of(schema: Any, root: JsonSchema) -> str:
    """What a schema asks of a value beyond its type: `at least 1, at most 10`."""
    parts = [part for part in _branches(schema, root) if part.get("type") != "null"]
    if len(parts) != 1:
        return ""
    part = parts[0]
    found = [text.format(part[key]) for key, text in _BOUNDS.items() if key in part]
    if (form := _FORMATS.get(str(part.get("format")))) is not None:
        found.insert(0, form)
    return ", ".join(found)


def source_of(value: Any) -> str:
    """Python source of plain data."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        return f"float({str(value)!r})"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return "{" + ", ".join(f"{source_of(key)}: {source_of(item)}" for key, item in pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(source_of(item) for item in cast("list[Any]", value)) + "]"
    return repr(value)


def resolve(schema: Any, root: JsonSchema) -> JsonSchema:
    """The schema itself, its `$ref` and a lone `allOf` followed; `{}` where it cannot be read."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        found = cast("JsonSchema", schema)
        if "$ref" in found:
            rest = {key: value for key, value in found.items() if key != "$ref"}
            schema = {**_follow(str(found["$ref"]), root), **rest}
        elif len(parts := _listed(found.get("allOf"))) == 1 and isinstance(parts[0], Mapping):
            rest = {key: value for key, value in found.items() if key != "allOf"}
            schema = {**cast("JsonSchema", parts[0]), **rest}
        else:
            return found
    return {}


def _follow(reference: str, root: JsonSchema) -> JsonSchema:
    place: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        place = cast("JsonSchema", place).get(key) if isinstance(place, Mapping) else None
    return cast("JsonSchema", place) if isinstance(place, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def properties_of(schema: JsonSchema) -> JsonSchema:
    """The properties of an object; none where that is no mapping."""
    found = schema.get("properties")
    return cast("JsonSchema", found) if isinstance(found, Mapping) else {}


def required_of(schema: JsonSchema) -> set[str]:
    """The names of the properties that an object must have."""
    return {name for name in _listed(schema.get("required")) if isinstance(name, str)}


def _branches(schema: Any, root: JsonSchema) -> list[JsonSchema]:
    """The alternatives of a union, or the schema alone. A union of too many says nothing."""
    found: list[JsonSchema] = []
    waiting = [schema]
    for _ in range(_MOST_BRANCHES):
        if not waiting:
            return found
        part = resolve(waiting.pop(0), root)
        kind = part.get("type")
        if union := _listed(part.get("anyOf")) or _listed(part.get("oneOf")):
            waiting[:0] = union[: _MOST_BRANCHES + 1]
        elif isinstance(kind, list):
            found += [{**part, "type": each} for each in cast("list[Any]", kind)[:_MOST_BRANCHES]]
        else:
            found.append(part)
    return found if not waiting else [{}]


class _Writer:
    """Writes one type; `shapes` spells out the keys of its dicts."""

    def __init__(self, root: JsonSchema, *, shapes: bool, tuples: bool) -> None:
        self._root = root
        self._shapes = shapes
        self._tuples = tuples
        self._left = _MOST_PARTS

    def write(self, schema: Any, depth: int) -> str:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return "Any"
        return _union(self._write_one(branch, depth) for branch in _branches(schema, self._root))

    def _write_one(self, schema: JsonSchema, depth: int) -> str:
        choices = [schema["const"]] if "const" in schema else _listed(schema.get("enum"))
        if (
            choices
            and len(choices) <= _MOST_CHOICES
            and all(isinstance(one, (str, int, type(None))) for one in choices)
        ):
            return f"Literal[{', '.join(map(repr, choices))}]"
        kind = schema.get("type")
        if kind == "string" and schema.get("format") == "binary":
            return "bytes"
        if isinstance(kind, str) and kind in _SCALARS:
            return _SCALARS[kind]
        if kind == "array" or (kind is None and ("items" in schema or "prefixItems" in schema)):
            return self._write_array(schema, depth)
        if kind == "object" or (kind is None and "properties" in schema):
            return self._write_object(schema, depth)
        return "Any"

    def _write_array(self, schema: JsonSchema, depth: int) -> str:
        items = schema.get("items")
        fixed = _listed(schema.get("prefixItems")) or _listed(items)
        if fixed:
            inner = [self.write(item, depth + 1) for item in fixed]
            return f"tuple[{', '.join(inner)}]" if self._tuples else _list_of(_union(inner))
        return _list_of(self.write(items, depth + 1)) if items else "list"

    def _write_object(self, schema: JsonSchema, depth: int) -> str:
        if properties := properties_of(schema):
            return self._write_shape(properties, required_of(schema), depth) if self._shapes else "dict"
        values = schema.get("additionalProperties", True)
        key = "int" if resolve(schema.get("propertyNames"), self._root).get("type") == "integer" else "str"
        return f"dict[{key}, {self.write(values, depth + 1)}]" if values is not False else "dict"

    def _write_shape(self, properties: JsonSchema, needed: set[str], depth: int) -> str:
        parts: list[str] = []
        for name, schema in properties.items():
            found = resolve(schema, self._root)
            optional = name not in needed and "default" not in found
            text = f"{name}{'?' if optional else ''}: {self.write(schema, depth + 1)}"
            if "default" in found:
                text += f" = {source_of(found['default'])}"
            notes = [note for note in (found.get("description"), constraints_of(schema, self._root)) if note]
            parts.append(f"{text} ({'; '.join(' '.join(str(note).split()) for note in notes)})" if notes else text)
        return "{" + ", ".join(parts) + "}"


def _list_of(item: str) -> str:
    return "list" if item == "Any" else f"list[{item}]"


def _union(parts: Iterable[str]) -> str:
    unique = list(dict.fromkeys(parts))
    if not unique or "Any" in unique:
        return "Any"
    return " | ".join(sorted(unique, key=lambda part: part == "None"))
