"""`typing.TypedDict` as pydantic takes it: before Python 3.12 only the one of typing_extensions will do."""

import sys
import types
import typing
from typing import Annotated, Any, Literal, Union, cast

import typing_extensions


def with_readable_typeddicts(hint: Any) -> Any:
    """The same type, each `typing.TypedDict` in it replaced by an equal one that pydantic can read."""
    return hint if sys.version_info >= (3, 12) else _replaced(hint, ())


def _replaced(hint: Any, inside: tuple[Any, ...]) -> Any:
    if typing.is_typeddict(hint):
        return dict[str, Any] if hint in inside else _copied(hint, (*inside, hint))
    arguments, origin = typing.get_args(hint), typing.get_origin(hint)
    if not arguments or origin is Literal:
        return hint
    replaced = tuple(_replaced(argument, inside) for argument in arguments)
    if replaced == arguments:
        return hint
    if origin is Annotated:
        return cast("Any", Annotated)[replaced]
    return cast("Any", Union)[replaced] if origin is types.UnionType else origin[replaced]


def _copied(kind: Any, inside: tuple[Any, ...]) -> Any:
    fields: dict[str, Any] = {}
    for name, hint in typing_extensions.get_type_hints(kind, include_extras=True).items():
        marked = typing.get_origin(hint) in (typing.Required, typing.NotRequired)
        inner = _replaced(typing.get_args(hint)[0] if marked else hint, inside)
        is_required = name in kind.__required_keys__
        fields[name] = typing_extensions.Required[inner] if is_required else typing_extensions.NotRequired[inner]
    return cast("Any", typing_extensions.TypedDict)(kind.__name__, fields)
