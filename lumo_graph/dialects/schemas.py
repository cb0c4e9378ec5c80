"""A JSON Schema as the form of an answer. Pure; the validator is the package `jsonschema`, of the extra `schema`."""

import json
from collections.abc import Mapping
from typing import Any, cast

from lumo_graph.errors import ConfigurationError
from lumo_graph.excerpts import one_line, shorten

_MOST_PROBLEMS = 10
_SHARED = ("$defs", "definitions")
"""Where a schema keeps the parts that it refers to from its root."""


def plain_schema(given: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema that was given, or that stands in OpenAI's `{"type": "json_schema", "json_schema": ...}`.

    Raises:
        ConfigurationError: it is not one, or there is nothing here that can check it.
    """
    schema: Any = given
    if given.get("type") == "json_schema":
        wrapped = given.get("json_schema")
        schema = cast("Mapping[str, Any]", wrapped).get("schema") if isinstance(wrapped, Mapping) else None
    if not isinstance(schema, Mapping) or not schema:
        raise ConfigurationError(
            f"response_format {shorten(repr(given), 200)} is not a JSON Schema. Write it as "
            "{'type': 'object', 'properties': {...}}, or give a pydantic model."
        )
    try:
        from jsonschema import SchemaError  # noqa: PLC0415 - an extra
        from jsonschema.validators import validator_for  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "A response_format that is a JSON Schema needs a package that is not installed: "
            "pip install 'lumo-graph[schema]'."
        ) from error
    try:
        plain = cast("dict[str, Any]", json.loads(json.dumps(schema)))
        validator_for(plain).check_schema(plain)
    except (SchemaError, TypeError, ValueError, RecursionError) as error:
        why = error.message if isinstance(error, SchemaError) else str(error)
        raise ConfigurationError(f"response_format is not a valid JSON Schema: {one_line(why, 300)}.") from error
    _check_references(plain)
    return plain


def _check_references(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that refers to what is not in it, before any work is done for an answer that nothing can check.

    Raises:
        ConfigurationError: it does, or it refers to itself without end.
    """
    from referencing import Registry  # noqa: PLC0415 - an extra
    from referencing.exceptions import NoSuchAnchor, PointerToNowhere, Unresolvable  # noqa: PLC0415 - same
    from referencing.jsonschema import DRAFT202012, specification_with  # noqa: PLC0415 - same

    dialect = schema.get("$schema")
    root = specification_with(str(dialect), default=DRAFT202012).create_resource(dict(schema))
    waiting = [(root, cast("Any", Registry[Any]()).resolver_with_root(root))]
    while waiting:
        part, resolver = waiting.pop()
        contents: Any = part.contents
        references = cast("Mapping[str, Any]", contents if isinstance(contents, Mapping) else {})
        for reference in (references[name] for name in ("$ref", "$dynamicRef") if name in references):
            try:
                resolver.lookup(reference)
            except (Unresolvable, PointerToNowhere, NoSuchAnchor) as error:
                raise _not_in_it(reference) from error
        waiting += [(below, resolver.in_subresource(below)) for below in part.subresources()]
    try:
        _problems(None, schema)
    except RecursionError as error:
        raise ConfigurationError(
            "response_format refers to itself without end, so no answer can have its form."
        ) from error


def _not_in_it(reference: object) -> ConfigurationError:
    return ConfigurationError(
        f"response_format refers to {one_line(str(reference), 200)!r}, which is not in it. Put it below '$defs'."
    )


def schema_problem(value: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value, for the model; empty if it has the form asked for.

    Args:
        value: plain data.
        schema: as `plain_schema` gives it.
    """
    try:
        problems = _problems(value, schema)
    except RecursionError:
        return "It is nested too deeply to be checked."
    if not problems:
        return ""
    lines = [
        f"- {one_line('.'.join(map(str, problem.absolute_path)), 200) or 'answer'}: {one_line(problem.message, 300)}"
        for problem in problems[:_MOST_PROBLEMS]
    ]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - _MOST_PROBLEMS:,} more problems")
    return "\n".join(["It does not have the form asked for:", *lines])


def _problems(value: Any, schema: Mapping[str, Any]) -> list[Any]:
    from jsonschema.validators import validator_for  # noqa: PLC0415 - an extra
    from referencing import Registry  # noqa: PLC0415 - comes with it

    kind = validator_for(schema)
    # With a registry of its own nothing is fetched.
    return list(kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER).iter_errors(value))


def answer_arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the arguments of `final_answer`, where the answer has this one."""
    own = {name: part for name, part in schema.items() if name not in {*_SHARED, "$schema", "$id"}}
    shared = {name: schema[name] for name in _SHARED if name in schema}
    return {
        "title": "FinalAnswer",
        "type": "object",
        "properties": {"answer": _moved(own)},
        "required": ["answer"],
        **_moved(shared),
    }


def _moved(part: Any) -> Any:
    """A part of a schema whose root stands below `answer` now: references from the root must still lead there."""
    if isinstance(part, list):
        return [_moved(item) for item in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    found = {name: _moved(value) for name, value in cast("dict[str, Any]", part).items()}
    match found.get("$ref"):
        case str(to) if (to == "#" or to.startswith("#/")) and to.split("/")[1:2] not in ([name] for name in _SHARED):
            found["$ref"] = f"#/properties/answer{to[1:]}"
        case _:
            pass
    return found
