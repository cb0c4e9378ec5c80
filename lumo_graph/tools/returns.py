"""Reading what a tool returns from the annotation of its function."""

import inspect
import typing
import warnings
from collections.abc import Mapping
from typing import Any, cast

import pydantic
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema

from lumo_graph.tools.kinds import source_function, without_partial
from lumo_graph.tools.schemas import JsonSchema, annotation_of, shape_of
from lumo_graph.tools.typeddicts import with_readable_typeddicts


def read_result(tool: BaseTool) -> tuple[str, str]:
    """What a tool returns, as it states in a `result_schema`, or as its function declares.

    Returns:
        Python source of the type, `Any` if nothing is declared, and the keys of its dicts if those are known.
    """
    if isinstance(stated := getattr(tool, "result_schema", None), Mapping):
        root = cast("JsonSchema", stated)
        return annotation_of(root, root, as_result=True), shape_of(root, root, as_result=True)
    hint = _return_hint(tool)
    if _is_message(hint):
        return "Any", ""
    if _is_data_frame(hint):
        return "list[dict[str, Any]]", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = pydantic.TypeAdapter(with_readable_typeddicts(hint)).json_schema(
                mode="serialization", schema_generator=_WithIntKeys
            )
    except Exception:  # noqa: BLE001 - a type pydantic knows nothing of, for one of many reasons
        return "Any", ""
    return annotation_of(root, root, as_result=True), shape_of(root, root, as_result=True)


class _WithIntKeys(GenerateJsonSchema):
    """JSON has no int keys, but a result keeps them: said with `propertyNames`."""

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        if schema.get("keys_schema", {}).get("type") == "int":
            written["propertyNames"] = {"type": "integer"}
        return written


def _return_hint(tool: BaseTool) -> Any:
    function = source_function(tool)
    if function is None:
        return Any
    inner = without_partial(function)
    try:
        hints = typing.get_type_hints(inner if inspect.isroutine(inner) else type(inner).__call__)
    except (NameError, TypeError):
        return Any
    hint: Any = hints.get("return", Any)
    if tool.response_format != "content_and_artifact":
        return hint
    parts = typing.get_args(hint)
    return parts[0] if typing.get_origin(hint) is tuple and parts else Any


def _is_message(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(cast("type[Any]", hint), BaseMessage)


def _is_data_frame(hint: Any) -> bool:
    return getattr(hint, "__name__", "") == "DataFrame" and getattr(hint, "__module__", "").startswith("pandas")
