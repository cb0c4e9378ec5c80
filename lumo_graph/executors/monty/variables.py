"""The variables of a Monty session, as the session itself can tell of them."""

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lumo_graph.executors.monty.worker import Worker
from lumo_graph.executors.worker.text import clean, cut

_MOST = 200
_LINE = 120
_SHORT_TEXT = 60

# One expression that leaves no name behind. Values stay where they are: some of them cannot leave without harm.
_ASK = """\
[[n, type(v).__name__, \
len(v) if isinstance(v, (str, bytes, list, tuple, dict, set, frozenset)) else -1, \
repr(v)[:200] if v is None or isinstance(v, (bool, int, float)) \
or (isinstance(v, (str, bytes, list, tuple, dict, set, frozenset)) and len(v) < 20) else ''] \
for n, v in list(locals().items())[-{most}:]]"""

_GIVEN_KINDS = ("function", "type")
"""A reserved name that is bound to something else is a variable of the code."""
_SCALARS = ("NoneType", "bool", "int", "float")
_SIZED = ("list", "tuple", "dict", "set", "frozenset", "bytes", "str")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One variable."""

    line: str
    """For the list of variables: its value if that is small, else its class and size."""
    text: str
    """A bounded repr, or the line where there is none."""


def ask_variables(worker: Worker, *, reserved: Collection[str]) -> dict[str, Described]:
    """Every variable that the code has made.

    Args:
        worker: the interpreter.
        reserved: names that are not the code's: tools and such.

    Raises:
        MontyError: the code has taken the words away that this needs, or there is no memory left.
    """
    rows = worker.evaluate(_ASK.format(most=_MOST + len(reserved)))
    described = {str(row[0]): _describe(row) for row in rows if row[0] not in reserved or row[1] not in _GIVEN_KINDS}
    return dict(list(described.items())[-_MOST:])


def guess_variables(code: str, known: Mapping[str, Described]) -> dict[str, Described]:
    """What there may be after an action whose session cannot be asked: what there was, and what the action binds."""
    names: set[str] = set()
    try:
        for node in ast.walk(ast.parse(code)):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    names.add(name)
                case ast.alias(name=name, asname=other):
                    names.add(other or name.partition(".")[0])
                case _:
                    pass
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    unknown = Described(line="object", text="object")
    return {**known, **dict.fromkeys(sorted(names - {"*"}), unknown)}


def _describe(row: list[Any]) -> Described:
    name, kind, size, text = str(row[0]), clean(str(row[1])), int(row[2]), clean(str(row[3]))
    if kind in _SCALARS or (kind == "str" and text and len(text) <= _SHORT_TEXT):
        line = text
    elif kind == "str":
        line = f"str ({size} characters)"
    elif kind in _SIZED:
        line = f"{kind} ({size})"
    elif kind == "module":
        line = f"module {name}"
    elif kind == "function":
        line = f"def {name}(...)"
    elif kind == "type":
        line = f"class {name}"
    else:
        line = kind
    line = cut(line, _LINE)
    return Described(line=line, text=text or line)
