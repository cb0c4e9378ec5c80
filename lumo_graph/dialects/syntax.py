"""Code actions as syntax trees, and the errors of those that are none."""

import ast
import re
from collections.abc import Iterable

from lumo_graph.types import CodeError

NOT_RUN = "Nothing of the block was run."
"""How the message of every error found before an action ends."""

# Parsers warn about invalid escapes, on the host's screen. Their backslash is exchanged for a character that means
# nothing, so that lines, columns and the braces of f-strings stay where they are.
_ESCAPE = re.compile(r"\\(?:(N\{[\w -]+\})|([^\n\r\\'\"abfnrtvx0-7])|([4-7][0-7]{2})|.)")
_WARNINGS = re.compile(r"invalid (?:octal escape|escape|\w+ literal)|'(?:return|break|continue)' in a 'finally'")


def parse_action(code: str) -> ast.Module | CodeError | None:
    """The tree of an action.

    Returns:
        The tree; or the error, if it is no Python; or None, if that cannot be told.

    Raises:
        ValueError, RecursionError, MemoryError: as `ast.parse` does.
    """
    try:
        tree = ast.parse(_without_invalid_escapes(code))
    except SyntaxError as error:
        return _syntax_error(code, error)
    if "await" in code and (node := _misplaced_await(tree)) is not None:
        return report("SyntaxError", "'await' outside async function", node, code)
    return tree


def report(kind: str, problem: str, node: ast.AST, code: str, *, near: Iterable[str] = ()) -> CodeError:
    """The error of an action that is not run.

    Args:
        kind: name of the exception it would have ended with.
        problem: what is wrong.
        node: where.
        code: the action.
        near: names that may have been meant.
    """
    line = int(getattr(node, "lineno", 1))
    return CodeError(kind=kind, message=f"{problem}\n{NOT_RUN}", line=line, source=_line(code, line), near=tuple(near))


def _line(code: str, number: int | None) -> str:
    lines = code.splitlines()
    return lines[number - 1].strip()[:300] if number is not None and 0 < number <= len(lines) else ""


def _without_invalid_escapes(code: str) -> str:
    return _ESCAPE.sub(_harmless, code) if "\\" in code else code


def _harmless(found: re.Match[str]) -> str:
    text = found[0]
    if found[1] is not None:
        return "_" * len(text)
    return f"_{text[1:]}" if found[2] or found[3] else text


def _syntax_error(code: str, error: SyntaxError) -> CodeError | None:
    message = error.msg or "invalid syntax"
    if _WARNINGS.match(message):  # may be a warning that this process has made an error
        return None
    return CodeError(
        kind=type(error).__name__, message=f"{message}\n{NOT_RUN}", line=error.lineno, source=_line(code, error.lineno)
    )


def _misplaced_await(tree: ast.Module) -> ast.AST | None:
    """An `await` in a function that is not async. One in a comprehension is left to the session."""
    pending: list[tuple[ast.AST, bool]] = [(tree, True)]
    while pending:
        node, allowed = pending.pop()
        match node:
            case ast.Await() if not allowed:
                return node
            case ast.FunctionDef() | ast.Lambda():
                allowed = False
            case ast.AsyncFunctionDef() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                allowed = True
            case _:
                pass
        pending.extend((child, allowed) for child in ast.iter_child_nodes(node))
    return None
