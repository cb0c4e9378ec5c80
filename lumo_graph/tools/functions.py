"""Functions, methods and callable objects as LangChain tools."""

import functools
import inspect
import re
import typing
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolArg, StructuredTool
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools.docstrings import read_docstring
from lumo_graph.tools.failures import first_line
from lumo_graph.tools.handing import handed_kind
from lumo_graph.tools.kinds import without_partial
from lumo_graph.tools.typeddicts import with_readable_typeddicts

_HANDED_BY_LANGCHAIN = {"callbacks", "run_manager"}


def tool_from_callable(function: Callable[..., Any]) -> StructuredTool:
    """A tool that calls a function with validated arguments.

    The parameters come from the signature, their descriptions from a Google-style docstring or from `Annotated`.
    A parameter without an annotation takes anything; no docstring gives an empty description. Arguments that a
    `functools.partial` has bound are not shown, and cannot be overridden.

    Args:
        function: a plain or async function, a bound method, a partial, or an object with `__call__`.

    Raises:
        ConfigurationError: it cannot be called with named arguments of plain data.
    """
    name = name_of(function)
    target = _call_target(function)
    inner = without_partial(target)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise ConfigurationError(f"The tool {name!r} is a generator function. Return a list of the values instead.")
    parameters = _visible_parameters(name, target)
    hints = _type_hints(name, inner)
    doc = read_docstring(_doc_of(function), parameters)
    schema = _args_schema(name, parameters, hints, doc.arguments)
    is_async = inspect.iscoroutinefunction(inner)
    return StructuredTool(
        name=name,
        description=doc.text,
        args_schema=schema,
        func=None if is_async else target,
        coroutine=target if is_async else None,
    )


def name_of(function: Callable[..., Any]) -> str:
    """The name a callable has as a tool: its own, or its class's in snake case.

    Raises:
        ConfigurationError: it is a lambda, which has no name.
    """
    inner = without_partial(function)
    name = getattr(inner, "__name__", None)
    if not isinstance(name, str):
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(inner).__name__).lower()
    if name == "<lambda>":
        raise ConfigurationError(f"The tool {function!r} is a lambda, which has no name. Define it with `def`.")
    return name


def _call_target(function: Callable[..., Any]) -> Callable[..., Any]:
    """What LangChain can inspect: for a callable object its bound `__call__`."""
    if inspect.isroutine(function) or isinstance(function, functools.partial):
        return cast("Callable[..., Any]", function)
    return cast("Callable[..., Any]", getattr(function, "__call__"))  # noqa: B004, B009 - the bound method is meant


def _doc_of(function: Callable[..., Any]) -> str:
    inner = without_partial(function)
    if inspect.isroutine(inner):
        return inspect.getdoc(inner) or ""
    return inspect.getdoc(type(inner).__call__) or inspect.getdoc(type(inner)) or ""


def _visible_parameters(name: str, target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"The signature of the tool {name!r} cannot be read. Wrap it in a `def`.") from error
    bound = (
        set(cast("functools.partial[Any]", target).keywords) if isinstance(target, functools.partial) else set[str]()
    )
    shown: dict[str, inspect.Parameter] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            star = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise ConfigurationError(
                f"The tool {name!r} takes {star}{parameter.name}, which a model cannot be told about. "
                f"Name its parameters, or take a list or a dict."
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ConfigurationError(
                f"The parameter {parameter.name!r} of the tool {name!r} is positional-only, and tools are called "
                f"with named arguments. Wrap it in a `def` without the `/`."
            )
        if parameter.name not in bound and parameter.name not in _HANDED_BY_LANGCHAIN:
            shown[parameter.name] = parameter
    return shown


def _type_hints(name: str, inner: Callable[..., Any]) -> Mapping[str, Any]:
    if not inspect.isroutine(inner):
        inner = type(inner).__call__
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"An annotation of the tool {name!r} cannot be resolved: {error}. "
            f"Define that type at the top level of the tool's module."
        ) from error
    except TypeError:  # a function written in C has no annotations
        return {}


def _args_schema(
    name: str, parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any], descriptions: Mapping[str, str]
) -> type[BaseModel]:
    fields = {
        key: _field(with_readable_typeddicts(hints.get(key, Any)), parameter.default, descriptions.get(key, ""))
        for key, parameter in parameters.items()
        if not _takes_config(hints.get(key))
    }
    try:
        with warnings.catch_warnings():
            # A parameter may be called `schema` or `copy`; that it hides a method of the model hurts nobody.
            warnings.filterwarnings("ignore", message="Field name .* shadows an attribute", category=UserWarning)
            return cast("Any", create_model)(name, __config__=ConfigDict(extra="forbid"), **fields)
    except Exception as error:
        raise ConfigurationError(
            f"The parameters of the tool {name!r} cannot be read as data: {first_line(error)} "
            f"Parameters take numbers, text, lists, dicts, enums, dataclasses, TypedDicts and pydantic models."
        ) from error


def _field(hint: Any, default: Any, description: str) -> tuple[Any, Any]:
    if handed_kind(hint) is not None:  # no argument, and nothing that is to be checked or copied
        return Annotated[Any, InjectedToolArg()], cast("Any", Field)(exclude=True)
    if isinstance(default, FieldInfo):  # def search(query: str = Field(description=...))
        return hint, default
    settings: dict[str, Any] = {} if default is inspect.Parameter.empty else {"default": default}
    if description := description or _described_by(hint):
        settings["description"] = description
    return hint, cast("Any", Field)(**settings)


def _described_by(hint: Any) -> str:
    """Text of `Annotated[int, "how many"]`, LangChain's short form."""
    if typing.get_origin(hint) is not Annotated:
        return ""
    return next((note for note in typing.get_args(hint)[1:] if isinstance(note, str)), "")


def _takes_config(hint: Any) -> bool:
    return hint is RunnableConfig or RunnableConfig in typing.get_args(hint)
