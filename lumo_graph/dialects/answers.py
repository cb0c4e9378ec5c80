"""The form an answer must have, and whether one has it."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, SchemaError

from lumo_graph.dialects.schemas import plain_schema, schema_problem
from lumo_graph.errors import ConfigurationError
from lumo_graph.excerpts import one_line, shorten
from lumo_graph.storable import storable

_MOST_PROBLEMS = 10
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL | re.IGNORECASE)


def response_schema(response_format: Any) -> dict[str, Any] | None:
    """The JSON Schema of the answer that is asked for; None if any answer will do.

    Args:
        response_format: a pydantic model, a dataclass, a TypedDict or any other type that pydantic understands; or a
            JSON Schema.

    Raises:
        ConfigurationError: it is none of these, or has no JSON Schema.
    """
    if response_format is None:
        return None
    if isinstance(response_format, Mapping):
        return plain_schema(cast("Mapping[str, Any]", response_format))
    try:
        return _adapter(response_format).json_schema()
    except PydanticUserError as error:
        raise _unusable(response_format, error) from error


def check_answer(value: Any, response_format: Any) -> tuple[Any, str | None]:
    """The answer as plain data if it has the form asked for, else what is wrong with it.

    Args:
        value: plain data. Text may be the answer itself, or hold it as JSON.
        response_format: as for `response_schema`.

    Returns:
        The checked answer and None, or None and a text for the model.

    Raises:
        ConfigurationError: `response_format` is not a type.
    """
    if response_format is None:
        return value, None
    if isinstance(response_format, Mapping):
        return _check_by_schema(value, plain_schema(cast("Mapping[str, Any]", response_format)))
    adapter = _adapter(response_format)
    problem = ""
    for candidate in _candidates(value):
        try:
            checked = _validated(adapter, candidate)
            return adapter.dump_python(checked, mode="json", by_alias=True, warnings=False), None
        except ValidationError as error:
            problem = _problem(error)
        except ValueError as error:  # bytes and the like, in a field that takes any value
            problem = f"It cannot be written as JSON: {one_line(str(error), 300)}"
    return None, problem


def _check_by_schema(value: Any, schema: Mapping[str, Any]) -> tuple[Any, str | None]:
    problem = ""
    for candidate in _candidates(value):
        problem = schema_problem(candidate, schema)
        if not problem:
            return candidate, None
    return None, problem


def literal_answer(code: str) -> tuple[Any, bool]:
    """What code gives to `final_answer` where that can be read without running it: `final_answer(42)`.

    Returns:
        The literal and True, or None and False.
    """
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for statement in ast.parse(code).body:
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Name(id="final_answer"), args=[argument], keywords=[])):
                    return storable(ast.literal_eval(argument)), True
                case _:
                    continue
    return None, False


def _adapter(response_format: Any) -> TypeAdapter[Any]:
    if isinstance(response_format, str):
        raise _unusable(response_format, "it is text, not a type")
    try:
        return TypeAdapter(response_format)
    except (PydanticUserError, SchemaError, TypeError, NameError) as error:
        raise _unusable(response_format, error) from error


def _unusable(response_format: object, why: object) -> ConfigurationError:
    return ConfigurationError(
        f"response_format {shorten(repr(response_format), 200)} cannot be used: {one_line(str(why), 300)}. "
        "Give a pydantic model, a dataclass, a TypedDict, a type such as list[int], or a JSON Schema as a dict."
    )


def _candidates(value: Any) -> Iterator[Any]:
    """The value, and the JSON in it if it is text. The last one tells what is wrong."""
    yield value
    if not isinstance(value, str):
        return
    for text in (value, *(found[1] for found in _FENCED.finditer(value))):
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            continue


def _validated(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return adapter.validate_python(value)
    # As JSON, so that a strict model still takes dates, tuples and the like from what JSON can say.
    return adapter.validate_json(text)


def _problem(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    lines = [_problem_line(problem) for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - _MOST_PROBLEMS:,} more problems")
    return "\n".join(["It does not have the form asked for:", *lines])


def _problem_line(problem: ErrorDetails) -> str:
    where = one_line(".".join(map(str, problem["loc"])), 200) or "answer"
    line = f"- {where}: {one_line(problem['msg'], 300)}"
    if problem["type"] == "missing":
        return line
    value = problem["input"]
    got = repr(shorten(value, 100)) if isinstance(value, str) else one_line(repr(value), 100)
    return f"{line} (got {got})"
