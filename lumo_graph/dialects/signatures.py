"""Whether a call in the text of an action binds to the signature of the tool it names."""

import ast
import inspect

from lumo_graph.types import ToolSpec


class _Source:
    """An annotation or a default that is known by its source text only."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def bind_call(tool: ToolSpec, call: ast.Call) -> str | None:
    """What is wrong with the arguments of a call, or None if they fit or cannot be told from the text.

    Args:
        tool: the tool that is called.
        call: the call; one with `*args` or `**kwargs` cannot be told.
    """
    names = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    if len(names) < len(call.keywords) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    signature = signature_of(tool)
    try:
        signature.bind(*call.args, **dict.fromkeys(names))
    except TypeError as failure:
        return f"{tool.name}(): {failure}. Usage: {tool.name}{signature}"
    return None


def signature_of(tool: ToolSpec) -> inspect.Signature:
    """The signature that a tool has in a session."""
    parameters: list[inspect.Parameter] = []
    optional = False
    for parameter in tool.parameters:
        default = inspect.Parameter.empty if parameter.default is None else _Source(parameter.default)
        # A required one behind an optional one can only be given by name.
        by_name = parameter.keyword_only or (optional and parameter.default is None)
        optional = optional or parameter.default is not None
        kind = inspect.Parameter.KEYWORD_ONLY if by_name else inspect.Parameter.POSITIONAL_OR_KEYWORD
        annotation = _Source(parameter.annotation)
        parameters.append(inspect.Parameter(parameter.name, kind, default=default, annotation=annotation))
    parameters.sort(key=lambda parameter: parameter.kind)
    return inspect.Signature(parameters, return_annotation=_Source(tool.returns))
