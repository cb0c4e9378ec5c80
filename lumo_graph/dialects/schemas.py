"""A JSON Schema as the form of an answer. Pure; the validator is the package `jsonschema`, of the extra `schema`."""

import json
from collections.abc import Iterator, Mapping
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
    return plain


def schema_problem(value: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value, for the model; empty if it has the form asked for.

    Raises:
        ConfigurationError: the schema refers to what is not in it. Nothing is fetched.
    """
    from jsonschema.validators import validator_for  # noqa: PLC0415 - an extra
    from referencing import Registry  # noqa: PLC0415 - comes with it
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - same

    kind = validator_for(schema)
    validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
    try:
        problems = list(validator.iter_errors(value))
    except Unresolvable as error:
        raise ConfigurationError(
            f"response_format refers to {one_line(str(error.ref), 200)!r}, which is not in it. Put it below '$defs'."
        ) from error
    if not problems:
        return ""
    lines = [
        f"- {one_line('.'.join(map(str, problem.absolute_path)), 200) or 'answer'}: {one_line(problem.message, 300)}"
        for problem in problems[:_MOST_PROBLEMS]
    ]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - _MOST_PROBLEMS:,} more problems")
    return "\n".join(["It does not have the form asked for:", *lines])


def answer_arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the arguments of `final_answer`, where the answer has this one."""
    own = {name: part for name, part in schema.items() if name not in {*_SHARED, "$schema", "$id"}}
    return {
        "title": "FinalAnswer",
        "type": "object",
        "properties": {"answer": own},
        "required": ["answer"],
        **dict(_shared(schema)),
    }


def _shared(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    # References from the root must still find them there.
    yield from ((name, schema[name]) for name in _SHARED if name in schema)
