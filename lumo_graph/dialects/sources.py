"""What can be said of Python source without running it."""

import ast
import re

_LONGEST_PARSED = 200_000
_ESCAPED = re.compile(r"\\[^\n]")
_QUOTE = re.compile(r"#|\"\"\"|'''|\"|'")
_STARTS_LIKE_PYTHON = re.compile(
    r"^(?:import [\w., ]+$|from [\w.]+ import |(?:async )?(?:def|class|for|while|if|with)\b.*:[ \t]*(?:#.*)?$"
    r"|try:|@\w|print\b|[A-Za-z_][\w.\[\]\"']* [-+*/]?= \S|(?:await )?[A-Za-z_][\w.]*\()",
    re.MULTILINE,
)


def reads_as_python(source: str) -> bool:
    """Whether the source parses."""
    return _parsed(source) is not None


def is_data(source: str) -> bool:
    """Whether the source is literals and `key: value` lines only: output, JSON or YAML, which would do nothing."""
    module = _parsed(source.replace("true", "True").replace("false", "False").replace("null", "None"))
    return module is not None and all(_does_nothing(node) for node in module.body)


def starts_like_python(source: str) -> bool:
    """Whether some line begins the way Python statements do; says nothing about whether it parses."""
    return _STARTS_LIKE_PYTHON.search(source) is not None


def quote_after(line: str, quote: str | None) -> str | None:
    """The triple quote that is open after a line, None if there is none.

    Args:
        line: one line of source.
        quote: the triple quote that was open before it.
    """
    position = 0
    while True:
        if quote is not None:
            position = _end_of_string(line, position, quote)
            if position < 0:
                return quote
            quote = None
        opening = _QUOTE.search(line, position)
        if opening is None or opening.group() == "#":
            return None
        position = opening.end()
        if len(opening.group()) == len('"""'):
            quote = opening.group()
        else:
            position = _end_of_string(line, position, opening.group())
            if position < 0:
                return None


def _end_of_string(line: str, start: int, quote: str) -> int:
    position = start
    while position < len(line):
        if line[position] == "\\":
            position += 2
        elif line.startswith(quote, position):
            return position + len(quote)
        else:
            position += 1
    return -1


def _parsed(source: str) -> ast.Module | None:
    if len(source) > _LONGEST_PARSED:
        return None
    try:
        # Escapes are hidden from the parser: it would warn about invalid ones, on the host's screen.
        return ast.parse(_ESCAPED.sub("__", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Expr) and _is_literal(node.value)


def _is_literal(node: ast.expr) -> bool:
    pending = [node]
    while pending:
        part = pending.pop()
        match part:
            case ast.Constant():
                pass
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                pending.extend(parts)
            case ast.Dict(keys=keys, values=values):
                pending.extend([key for key in keys if key is not None] + values)
            case ast.UnaryOp(operand=operand):
                pending.append(operand)
            case _:
                return False
    return True
