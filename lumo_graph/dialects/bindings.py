"""Which names an action binds, in whatever scope, and whether it can bind names that its text does not show."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

_REACHING_NAMES = frozenset(
    {"exec", "eval", "globals", "locals", "vars", "__import__", "__builtins__", "__main__", "breakpoint"}
)
_REACHING_ATTRIBUTES = frozenset(
    {
        "modules", "__dict__", "__globals__", "__builtins__", "f_globals", "f_locals", "f_builtins", "_getframe",
        "exec", "globals", "locals", "vars", "exec_module", "__code__", "__closure__",
    }
)  # fmt: skip
_REACHING_MODULES = frozenset(
    {
        "builtins", "__main__", "inspect", "gc", "ctypes", "runpy", "code", "codeop", "dill", "cProfile", "profile",
        "trace", "pdb", "bdb", "unittest", "mock", "IPython",
    }
)  # fmt: skip
_INJECTING_CALLS = frozenset({"var", "vring", "vfield", "init_session", "_convert_", "install"})
"""Functions of sympy, `enum` and `gettext` that bind names in the code that calls them, or for all code."""

_LEAF_FIELDS = frozenset({"ctx", "op", "ops", "id", "attr", "kind", "type_comment"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_TYPE_PARAMETERS: tuple[type[ast.AST], ...] = tuple(
    getattr(ast, name) for name in ("TypeVar", "ParamSpec", "TypeVarTuple") if hasattr(ast, name)
)
"""Python has them from 3.12 on."""
_INTERESTING = frozenset({
    *_DEFINITIONS, ast.arg, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
    ast.Global, ast.Nonlocal, ast.Attribute, ast.Call, *_TYPE_PARAMETERS,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """What the text of an action says about its names."""

    count: Counter[str] = field(default_factory=Counter[str])
    """Every name that is bound somewhere, with the number of places that do."""
    defined: frozenset[str] = frozenset()
    """Names of its functions and classes."""
    read_in_functions: frozenset[str] = frozenset()
    """Names that are read by code that runs when it is called."""
    hidden: bool = False
    """It can bind names in ways its text does not show: `exec`, `globals()`, a star import."""


def find_bindings(nodes: Iterable[ast.AST]) -> Bindings:
    """Look through all that is in an action, function bodies included."""
    count: Counter[str] = Counter()
    definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda] = []
    hidden = False
    for node in nodes:
        if type(node) is ast.Name:
            hidden = hidden or node.id in _REACHING_NAMES
            if type(node.ctx) is not ast.Load:
                count[node.id] += 1
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                count[node.target.id] -= 1  # the name must exist already
        elif type(node) in _INTERESTING:
            hidden = hidden or _hides(node)
            count.update(_bound_by(node))
            if isinstance(node, _DEFINITIONS):
                definitions.append(node)
    return Bindings(
        count=+count,
        defined=frozenset(node.name for node in definitions if not isinstance(node, ast.Lambda)),
        read_in_functions=frozenset(names_read(definitions)),
        hidden=hidden,
    )


def names_read(parts: Iterable[ast.AST]) -> set[str]:
    """Every name that is read somewhere in these parts of the code."""
    return {node.id for node in every_node(parts) if type(node) is ast.Name and type(node.ctx) is ast.Load}


def every_node(parts: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """These parts and all that is in them but operators, in no certain order. Takes half the time of `ast.walk`."""
    pending = list(parts)
    while pending:
        node = pending.pop()
        yield node
        for name in _fields_of(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                pending += [item for item in cast("list[Any]", value) if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                pending.append(value)


@cache
def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name not in _LEAF_FIELDS)


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case _:
            if isinstance(node, _TYPE_PARAMETERS):
                yield str(getattr(node, "name", ""))


def _hides(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name):
            return name in _REACHING_ATTRIBUTES
        case ast.Import(names=names):
            return any(alias.name.partition(".")[0] in _REACHING_MODULES for alias in names)
        case ast.ImportFrom(module=module, names=names):
            root = (module or "").partition(".")[0]
            return root in _REACHING_MODULES or any(alias.name in {"*", *_REACHING_ATTRIBUTES} for alias in names)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _INJECTING_CALLS
        case _:
            return False
