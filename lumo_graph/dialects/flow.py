"""Where control goes within one piece of syntax. Pure, and without knowing any name."""

import ast
from collections.abc import Iterable
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)


def leaves(parts: Iterable[ast.AST], *, in_loop: bool = False) -> bool:
    """Whether control may leave the block through these parts: by `return`, or by `break` or `continue` out of them."""
    for part in parts:
        if isinstance(part, ast.Return) or (isinstance(part, ast.Break | ast.Continue) and not in_loop):
            return True
        if isinstance(part, (*FUNCTIONS, ast.ClassDef, ast.expr)):
            continue
        if isinstance(part, LOOPS):
            if leaves(part.body, in_loop=True) or leaves(part.orelse, in_loop=in_loop):
                return True
        elif leaves(ast.iter_child_nodes(part), in_loop=in_loop):
            return True
    return False


def divided(expression: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
    """The parts of an expression that are evaluated with it, and those that may not be."""
    match expression:
        case ast.BoolOp(values=[first, *others]):
            return [first], others
        case ast.Compare(left=left, comparators=[first, *others]):
            return [left, first], others
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [test], [body, orelse]
        case ast.Yield() | ast.YieldFrom():
            return [], [expression]
        case _:
            return [child for child in ast.iter_child_nodes(expression) if isinstance(child, ast.expr)], []


def yields(function: Function) -> bool:
    """Whether calling it only makes a generator. A `yield` of an inner function counts too, which is safe."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))


def constant_truth(test: ast.expr) -> bool | None:
    """Whether a test is true whatever happens, or never; None: that depends."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case _:
            return None
