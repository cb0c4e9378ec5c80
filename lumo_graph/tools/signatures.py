"""Reading what a tool takes from its schema and its function."""

import inspect
import keyword
import typing
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, cast

import pydantic
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, Tool
from langchain_core.tools.base import create_schema_from_function

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.docstrings import read_docstring
from lumo_graph.tools.failures import first_line
from lumo_graph.tools.handing import Handed, handed_by_name
from lumo_graph.tools.kinds import is_async_only, source_function, without_partial
from lumo_graph.tools.naming import identifier
from lumo_graph.tools.parameters import AnyModel, Parameters
from lumo_graph.tools.schemas import (
    JsonSchema,
    annotation_of,
    constraints_of,
    properties_of,
    required_of,
    resolve,
    shape_of,
    source_of,
)
from lumo_graph.types import Parameter

_PLAIN_FACTORIES: dict[Any, str] = {list: "[]", dict: "{}", str: "''", int: "0", float: "0.0", bool: "False"}
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def read_parameters(tool: BaseTool, *, handed: Collection[Handed] = ()) -> Parameters:
    """Read what a tool takes from its schema, without what LangChain injects.

    Args:
        tool: any tool; its schema may be a pydantic model of v1 or v2, or a JSON schema. Parameters that it does not
            describe are described by the tool's own description, if that is a Google-style docstring.
        handed: what it can be handed beside its arguments.

    Raises:
        ConfigurationError: the schema cannot be shown to a model, or something must be injected that nobody injects.
    """
    if isinstance(tool, Tool) and tool.args_schema is None:
        return _single_text(tool)
    model = _model_of(tool)
    root = _json_schema(tool, model)
    properties = properties_of(root)
    schemas = {key: resolve(schema, root) for key, schema in properties.items()}
    required = required_of(root)
    defaults = {key: _default_source(schemas[key], model, key) for key in properties if key not in required}
    names = _python_names(tool, properties)
    descriptions = read_docstring(tool.description, properties).arguments
    aliases = _aliases(model)
    beside: dict[str, Handed] = {
        name: kind for name, kind in handed_by_name(tool).items() if kind in handed and name not in properties
    }
    shown = [
        _parameter(
            name=names[key],
            schema=properties[key],
            root=root,
            default=defaults.get(key),
            is_required=key in required,
            description=descriptions.get(key, ""),
        )
        for key in properties
    ]
    return Parameters(
        shown=_in_python_order(shown, source_function(tool)),
        model=model,
        keys={
            **{key: aliases.get(key, key) for key in properties},
            **{alias: alias for alias in aliases.values()},
            **{name: aliases.get(key, key) for key, name in names.items()},
        },
        schemas={name: schemas[key] for key, name in names.items()},
        unset=frozenset(names[key] for key, default in defaults.items() if default in (None, "None")),
        needs_call_id=_check_injected(tool, model, properties, beside),
        handed=beside,
        validated_here=tool.args_schema is None,
    )


def _single_text(tool: Tool) -> Parameters:
    """LangChain's oldest kind of tool, which takes one string and has no schema."""
    named = [one.name for one in _signature(source_function(tool)).values() if one.kind in _BY_NAME]
    name = named[0] if named else "tool_input"
    descriptions = read_docstring(tool.description, [name]).arguments
    return Parameters(
        shown=(Parameter(name=name, annotation="str", description=descriptions.get(name, "")),),
        model=None,
        keys={name: "tool_input", "tool_input": "tool_input", "__arg1": "tool_input"},
        schemas={name: {"type": "string"}},
    )


def _model_of(tool: BaseTool) -> AnyModel | None:
    if isinstance(tool.args_schema, dict):
        return None
    if tool.args_schema is not None:
        return tool.args_schema
    try:
        if is_async_only(tool):  # the signature that counts is the other one
            return create_schema_from_function(tool.name, cast("Callable[..., Any]", source_function(tool)))
        return tool.get_input_schema()
    except Exception as error:
        raise _cannot_describe(tool, error) from error


def _json_schema(tool: BaseTool, model: AnyModel | None) -> JsonSchema:
    own = tool.args_schema is None and is_async_only(tool)
    try:
        with warnings.catch_warnings():
            # Names that hide a method of the model, and defaults that have no JSON form: both are ours to handle.
            warnings.simplefilter("ignore", UserWarning)
            shown: Any = model if own else tool.tool_call_schema
            if isinstance(shown, dict):
                return cast("JsonSchema", shown)
            schema: JsonSchema = shown.model_json_schema() if issubclass(shown, pydantic.BaseModel) else shown.schema()
    except Exception as error:
        raise _cannot_describe(tool, error) from error
    if tool.args_schema is None and {"args", "kwargs"} & set(properties_of(schema)):
        raise ConfigurationError(
            f"The tool {tool.name!r} takes *args or **kwargs, which a model cannot be told about. "
            f"Give it an args_schema."
        )
    return schema


def _cannot_describe(tool: BaseTool, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"The parameters of the tool {tool.name!r} cannot be described to a model: {first_line(error)} "
        f"Give the tool an args_schema of plain data."
    )


def _check_injected(tool: BaseTool, model: AnyModel | None, properties: JsonSchema, handed: Collection[str]) -> bool:
    """Whether the tool wants its call's id; refuses a tool that wants more than LangChain itself can hand it."""
    fields: Mapping[str, Any] = {}
    if model is not None:
        fields = model.model_fields if issubclass(model, pydantic.BaseModel) else model.__fields__
    needs_call_id = False
    for name, info in fields.items():
        if name in properties or name in handed or getattr(info, "alias", None) in properties:
            continue
        notes = [*typing.get_args(getattr(info, "annotation", None))[1:], *getattr(info, "metadata", ())]
        if any(note is InjectedToolCallId or isinstance(note, InjectedToolCallId) for note in notes):
            needs_call_id = True
        elif info.is_required() if isinstance(info, pydantic.fields.FieldInfo) else bool(info.required):
            raise _not_injected(tool, name)
    if model is not None and isinstance(tool, StructuredTool):
        for name in _required_by(source_function(tool)):
            if name not in fields and name not in handed:
                raise _not_injected(tool, name)
    return needs_call_id


def _not_injected(tool: BaseTool, parameter: str) -> ConfigurationError:
    return ConfigurationError(
        f"The parameter {parameter!r} of the tool {tool.name!r} is not one that a model fills in, and only LangGraph's "
        f"ToolNode would inject it. Give it a default, bind it with functools.partial, or take a ToolRuntime."
    )


def _required_by(function: Callable[..., Any] | None) -> list[str]:
    """Parameters that a call must pass, without the config and the callbacks that LangChain passes."""
    if function is None:
        return []
    try:
        hints = typing.get_type_hints(without_partial(function))
    except (NameError, TypeError):
        hints = {}
    return [
        one.name
        for one in _signature(function).values()
        if one.kind in _BY_NAME and one.default is one.empty
        if one.name != "callbacks" and hints.get(one.name) is not RunnableConfig
    ]


def _signature(function: Callable[..., Any] | None) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters if function is not None else {}
    except (TypeError, ValueError):
        return {}


def _python_names(tool: BaseTool, properties: JsonSchema) -> dict[str, str]:
    names = {key: key if key.isidentifier() and not keyword.iskeyword(key) else identifier(key) for key in properties}
    if len(set(names.values())) < len(names):
        raise ConfigurationError(
            f"Two parameters of the tool {tool.name!r} have one Python name: {sorted(names)!r}. Rename one of them."
        )
    return names


def _aliases(model: AnyModel | None) -> dict[str, str]:
    """Fields that validate only under another name."""
    if model is None:
        return {}
    found: dict[str, Any]
    if issubclass(model, pydantic.BaseModel):
        by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
        found = {name: info.validation_alias or info.alias for name, info in model.model_fields.items()}
    else:
        by_name = getattr(model.__config__, "allow_population_by_field_name", False)
        found = {name: info.alias for name, info in model.__fields__.items()}
    if by_name:
        return {}
    return {name: alias for name, alias in found.items() if isinstance(alias, str) and alias != name}


def _default_source(schema: JsonSchema, model: AnyModel | None, key: str) -> str | None:
    """Python source of a default, or None if only the tool knows it."""
    if "default" in schema:
        return source_of(schema["default"])
    if model is None or not issubclass(model, pydantic.BaseModel):
        return None
    info = model.model_fields.get(key)
    return _PLAIN_FACTORIES.get(info.default_factory) if info is not None else None


def _parameter(
    *, name: str, schema: Any, root: JsonSchema, default: str | None, is_required: bool, description: str
) -> Parameter:
    annotation = annotation_of(schema, root)
    if not is_required and default in (None, "None"):
        default = "None"  # what only the tool knows is asked for by leaving the argument out, or by None
        if annotation != "Any" and not annotation.endswith("None"):
            annotation = f"{annotation} | None"
    text = " ".join(str(resolve(schema, root).get("description") or description).split())
    if constraints := constraints_of(schema, root):
        text = f"{text} ({constraints})" if text else constraints[0].upper() + constraints[1:]
    if shape := shape_of(schema, root):
        text = f"{text.rstrip('.')}. Keys: {shape}" if text else f"Keys: {shape}"
    return Parameter(name=name, annotation=annotation, default=default, description=text)


def _in_python_order(shown: list[Parameter], function: Callable[..., Any] | None) -> tuple[Parameter, ...]:
    """The order of the function's own signature; else that of the schema, what is required first."""
    kinds = _signature(function)
    if not all(parameter.name in kinds for parameter in shown):
        return tuple(sorted(shown, key=lambda parameter: parameter.default is not None))
    order = list(kinds)
    marked = [
        replace(parameter, keyword_only=kinds[parameter.name].kind is inspect.Parameter.KEYWORD_ONLY)
        for parameter in sorted(shown, key=lambda parameter: order.index(parameter.name))
    ]
    return tuple(sorted(marked, key=_place))


def _place(parameter: Parameter) -> int:
    """Python wants positional parameters without a default first, and keyword-only ones last."""
    if parameter.keyword_only:
        return 2
    return 0 if parameter.default is None else 1
