"""What of an action is evaluated for certain: in order, for as long as nothing before it fails or ends the action.

Branches, loops that may not turn, bodies of `try` and `with`, what follows an early way out: all that is left out.
"""

import ast
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TypeAlias

from lumo_graph.dialects.bindings import Bindings, names_read
from lumo_graph.dialects.calls import FINAL_ANSWER
from lumo_graph.dialects.filled import Filled
from lumo_graph.dialects.flow import Function, Loop, constant_truth, divided, leaves, yields

Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Parts: TypeAlias = Iterator[ast.AST]
Block: TypeAlias = Generator[ast.AST, None, bool]
"""Gives parts, and in the end whether control may have left the block that the statement stands in."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_EVALUATED: Mapping[type[ast.stmt], tuple[str, ...]] = {
    ast.Expr: ("value",),
    ast.Assign: ("value", "targets"),
    ast.AugAssign: ("target", "value"),
    ast.AnnAssign: ("value", "target"),
    ast.Delete: ("targets",),
    ast.Assert: ("test",),
    ast.Return: ("value",),
    ast.Raise: ("exc", "cause"),
    ast.Import: (),
    ast.ImportFrom: (),
    ast.Break: (),
    ast.Continue: (),
}
"""Statements without a body, with what they evaluate, in order."""

# Read from the descriptions of variables. What none of these fits may be a function of an earlier action.
_FIXED = re.compile(r"None$|True$|False$|[-\d.'\"(]|inf$|nan$|module |(?:str|bytes) \(\d|datetime\.")
_DATA = re.compile(
    r"(?:bytearray|list|tuple|set|frozenset|dict|collections\.\w+) \(\d|numpy\.|ndarray |DataFrame \(|Series \("
)


class CertainPath:
    """Follows one action along what is evaluated for certain.

    Args:
        bindings: of the action.
        variables: of the session: name to description.
    """

    def __init__(self, bindings: Bindings, variables: Mapping[str, str]) -> None:
        self._bindings = bindings
        self._variables = variables
        self._filled = Filled(bindings, variables)
        self._functions: dict[str, Function] = {}
        self._followed: set[Function] = set()
        self._depth = 0
        self._functions_may_end = False  # asked while it is found out
        self._functions_may_end = any(map(self._may_end, bindings.read_in_functions))
        self.ended = False
        """What comes now is not certain any more: the action may have ended, or code that is not seen here has run."""

    def follow(self, tree: ast.Module) -> Parts:
        """The expressions that are evaluated, each after its parts, and the statements that drop or iterate them.

        Names are given where they are read, calls before what they do.
        """
        for part in self._block(tree.body):
            if self.ended:
                return
            yield part

    @property
    def in_function(self) -> bool:
        """Whether what is followed now is the body of a function."""
        return self._depth > 0

    # -- statements ----------------------------------------------------------------------------------------------------

    def _block(self, statements: Iterable[ast.stmt]) -> Block:
        for statement in statements:
            left = yield from self._statement(statement)
            if left or self.ended:
                return True
        return False

    def _statement(self, statement: ast.stmt) -> Block:
        if type(statement) in _EVALUATED:
            return (yield from self._simple(statement))
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._definition(statement)
                return False
            case ast.ClassDef():
                yield from self._class(statement)
                return False
            case ast.For() | ast.AsyncFor() | ast.While():
                return (yield from self._loop(statement))
            case ast.Try(body=body, handlers=[], orelse=[], finalbody=finalbody) if not self._replaces_error(finalbody):
                return (yield from self._block([*body, *finalbody]))
            case _:
                return (yield from self._branching(statement))

    def _simple(self, statement: ast.stmt) -> Block:
        for name in _EVALUATED[type(statement)]:
            value: list[ast.expr] | ast.expr | None = getattr(statement, name)
            yield from self._expressions(value if isinstance(value, list) else [value])
        yield statement
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._filled.assign(targets, value)
            case ast.Assert(msg=message):
                self._pass_over(message)
            case ast.Raise():
                self.ended = True
            case _:
                pass
        return isinstance(statement, ast.Return | ast.Break | ast.Continue)

    def _branching(self, statement: ast.stmt) -> Block:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                yield from self._expression(test)
                chosen = constant_truth(test)
                if chosen is not None:
                    return (yield from self._block(body if chosen else orelse))
                return self._pass_over(*body, *orelse)
            case ast.With(items=[item, *others], body=body) | ast.AsyncWith(items=[item, *others], body=body):
                yield from self._expression(item.context_expr)
                if not others and self._is_open(item.context_expr):
                    return (yield from self._block(body))
                return self._pass_over(*others, *body)
            case ast.Match(subject=subject, cases=cases):
                yield from self._expression(subject)
                return self._pass_over(*cases)
            case _:
                return self._pass_over(statement)

    def _loop(self, loop: Loop) -> Block:
        if isinstance(loop, ast.While):
            yield from self._expression(loop.test)
            turns = constant_truth(loop.test) is True
        else:
            turns = isinstance(loop, ast.For) and self._filled.holds(loop.iter)
            yield from self._iterated(loop.iter)
            yield loop
            yield from self._expression(loop.target)
        if turns:
            yield from self._block(loop.body)
        self._pass_over(*loop.body, *loop.orelse)
        return leaves(loop.body, in_loop=True) or leaves(loop.orelse)

    def _definition(self, function: Function) -> Parts:
        yield from self._expressions(function.decorator_list)
        yield from self._defaults(function.args)
        if not function.decorator_list and self._bindings.count[function.name] == 1 and not yields(function):
            self._functions[function.name] = function

    def _class(self, definition: ast.ClassDef) -> Parts:
        yield from self._expressions(definition.decorator_list)
        yield from self._expressions(definition.bases)
        yield from self._expressions(keyword.value for keyword in definition.keywords)
        if definition.bases or definition.keywords:
            self._pass_over(*definition.body)  # a metaclass may bring a namespace of its own
        else:
            yield from self._scope(definition.body)

    def _scope(self, body: list[ast.stmt]) -> Parts:
        """A block whose names are its own."""
        functions, filled = dict(self._functions), self._filled.copy()
        yield from self._block(body)
        self._functions = functions
        self._filled.restrict(filled)

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _expressions(self, expressions: Iterable[ast.expr | None]) -> Parts:
        for expression in expressions:
            if expression is not None and not self.ended:
                yield from self._expression(expression)

    def _expression(self, expression: ast.expr) -> Parts:
        if isinstance(expression, ast.Name):
            if isinstance(expression.ctx, ast.Load):
                yield expression
                self._mention(expression.id)
        elif isinstance(expression, ast.Call):
            yield from self._call(expression)
        elif isinstance(expression, _COMPREHENSIONS):
            yield from self._comprehension(expression)
        elif isinstance(expression, ast.Lambda):
            yield from self._defaults(expression.args)
            self._pass_over(expression.body)
        elif isinstance(expression, ast.Await) and isinstance(expression.value, ast.Call):
            yield from self._call(expression.value, awaited=True)
            yield expression
        else:
            certain, doubtful = divided(expression)
            yield from self._expressions(certain)
            self._pass_over(*doubtful)
            yield expression

    def _comprehension(self, expression: Comprehension) -> Parts:
        first, *others = expression.generators
        turns = self._filled.holds(first.iter) and not isinstance(expression, ast.GeneratorExp) and not first.is_async
        yield from self._iterated(first.iter)
        yield first
        made = [expression.key, expression.value] if isinstance(expression, ast.DictComp) else [expression.elt]
        if turns:
            yield from self._expressions(first.ifs[:1] or [other.iter for other in others[:1]] or made)
        self._pass_over(*first.ifs, *others, *made)

    def _call(self, call: ast.Call, *, awaited: bool = False) -> Parts:
        function = self._functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if isinstance(function, ast.AsyncFunctionDef) is not awaited:
            function = None
        # A name can do nothing before its arguments are there; any other expression may.
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        called = [call.func] if function is None else []
        in_order = [*arguments, *called] if isinstance(call.func, ast.Name) else [*called, *arguments]
        yield from self._expressions(in_order)
        if self.ended:
            return
        yield call
        if function is not None and function not in self._followed:
            self._followed.add(function)
            self._depth += 1
            yield from self._scope(function.body)
            self._pass_over(*function.body)
            self._depth -= 1

    def _iterated(self, expression: ast.expr) -> Parts:
        kept = self._filled.kept_by_iteration(expression)
        yield from self._expression(expression)
        self._filled.remember(kept)

    def _defaults(self, args: ast.arguments) -> Parts:
        yield from self._expressions([*args.defaults, *args.kw_defaults])

    # -- what is not certain -------------------------------------------------------------------------------------------

    def _pass_over(self, *parts: ast.AST | None) -> bool:
        """Skip what may or may not run. Says whether it may leave the block it stands in."""
        given = [part for part in parts if part is not None]
        for name in names_read(given):
            self._mention(name)
        return leaves(given)

    def _mention(self, name: str) -> None:
        self._filled.forget(name)
        if name in self._variables and not _FIXED.match(self._variables[name]):
            self._filled.forget_inherited()
        if self._may_end(name):
            self.ended = True

    def _replaces_error(self, final: list[ast.stmt]) -> bool:
        """Whether a `finally` may end well what has failed before it."""
        return leaves(final) or any(map(self._may_end, names_read(final)))

    def _may_end(self, name: str) -> bool:
        """Whether code that reads this name may end the action, or run code of an earlier action."""
        if name == FINAL_ANSWER or (self._functions_may_end and name in self._bindings.defined):
            return True
        text = self._variables.get(name)
        return not (text is None or _FIXED.match(text) or _DATA.match(text))

    def _is_open(self, expression: ast.expr) -> bool:
        """Whether it is a file, which as a context lets every exception through."""
        match expression:
            case ast.Call(func=ast.Name(id="open")):
                return not self._bindings.count["open"] and "open" not in self._variables
            case _:
                return False
