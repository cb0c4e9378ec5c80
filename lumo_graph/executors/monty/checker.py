"""The check of an action's types before it runs, by the checker that comes with Monty."""

import ast
import keyword
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from lumo_graph.executors.worker.text import clean, cut
from lumo_graph.types import CodeError, Parameter, ToolSpec

_HEAD = "async def __action__():\n"
_FOUND = re.compile(r"^main\.py:(\d+):\d+: error\[([\w-]+)\] (.*)$", re.MULTILINE)
_CERTAIN = frozenset(
    {
        "missing-argument", "unknown-argument", "too-many-positional-arguments", "parameter-already-assigned",
        "invalid-argument-type", "unsupported-operator", "unresolved-attribute", "call-non-callable", "not-iterable",
        "not-subscriptable",
    }
)  # fmt: skip
_MOST = 5


class TypeChecker:
    """Checks actions one by one. Variables of earlier actions may be anything.

    Args:
        monty: the package.
        checkout: gives an interpreter that checks what it is fed.
        tools: what code may call.
    """

    def __init__(self, monty: Any, checkout: Callable[..., Any], tools: Sequence[ToolSpec]) -> None:
        self._monty = monty
        self._checkout = checkout
        self._stubs = "\n".join(["from typing import *", "ToolError = RuntimeError", *map(_stub, tools)])

    def check(self, code: str, variables: Collection[str]) -> CodeError | None:
        """What the checker is sure of, as the error of the action; None if that is nothing.

        The code is checked as the body of a function that is not called: nothing of it runs.
        """
        lines = code.splitlines()
        guarded = _guarded_lines(code)
        if guarded is None:
            return None
        known = [f"{name}: Any" for name in variables if name.isidentifier() and not keyword.iskeyword(name)]
        body = "".join(f"    {line}\n" for line in lines)
        for number, rule, text in self._ask(f"{_HEAD}{body}    pass\n", "\n".join([self._stubs, *known])):
            line = number - 1
            # A part of a union may be ruled out where the checker cannot see it.
            if rule in _CERTAIN and line not in guarded and " | " not in text and "union" not in text:
                message = f"{cut(clean(text), 1000)}\nThe check of types found it. Nothing of the block was run."
                source = lines[line - 1].strip()[:300] if 0 < line <= len(lines) else ""
                return CodeError(kind="TypeError", message=message, line=line, source=source)
        return None

    def _ask(self, code: str, stubs: str) -> list[tuple[int, str, str]]:
        limits: Mapping[str, Any] = {"max_feed_duration_secs": 5.0}
        checkout = self._checkout(type_check=True, type_check_format="concise", type_check_stubs=stubs, limits=limits)
        try:
            with checkout as session:
                session.feed_run(code)
        except self._monty.MontyTypingError as found:
            return [(int(line), rule, text) for line, rule, text in _FOUND.findall(found.display())]
        except (self._monty.MontyError, RuntimeError, OSError):
            return []  # no Monty code, which the session will say
        return []


def _guarded_lines(code: str) -> set[int] | None:
    """Lines whose errors the code may catch; None if it cannot be read here."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    guarded: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith) or (isinstance(node, ast.Try) and node.handlers):
            guarded.update(line for part in node.body for line in range(part.lineno, (part.end_lineno or 0) + 1))
    return guarded


def _stub(tool: ToolSpec) -> str:
    by_position = [_parameter(part) for part in tool.parameters if not part.keyword_only]
    by_name = [_parameter(part) for part in tool.parameters if part.keyword_only]
    parameters = ", ".join([*by_position, "*", *by_name] if by_name else by_position)
    return f"{'async ' * tool.is_async}def {tool.name}({parameters}) -> {_annotation(tool.returns)}: ..."


def _parameter(part: Parameter) -> str:
    return f"{part.name}: {_annotation(part.annotation)}" + (" = ..." if part.default is not None else "")


def _annotation(source: str) -> str:
    try:
        ast.parse(source, mode="eval")
    except (SyntaxError, ValueError):
        return "Any"
    return " ".join(source.split())
