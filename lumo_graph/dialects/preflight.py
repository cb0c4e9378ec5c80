"""The check of a code action before anything of it runs.

It refuses only what would fail: code that does not parse; and, where it is evaluated for certain, a name that exists
nowhere, a tool call that does not bind to the tool's signature, an async tool that is not awaited, an import that the
session does not allow.

"For certain" means: if nothing before it fails, it is evaluated. Function bodies count where a certain call runs them,
loops where they certainly turn. Branches, bodies of `try` (with handlers) and of `with` (but `open`) do not count. What
follows a possible `final_answer`, or the use of a function or object of an earlier action, does not either: such code
may end the action, or bind a name by `global`. A name exists if anything in the action binds it, in any scope, if the
session has it, or if it is a builtin. Actions that can bind names in ways their text does not show (`exec`,
`globals()`, star imports) are only parsed.

Two things it cannot know: names that an earlier action put into `builtins` by hand, and functions with `global` that an
earlier action hid inside a list or a dict.
"""

import ast
import builtins
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

from lumo_graph.dialects.bindings import Bindings, every_node, find_bindings
from lumo_graph.dialects.certain import CertainPath
from lumo_graph.dialects.signatures import bind_call
from lumo_graph.dialects.syntax import parse_action, report
from lumo_graph.importable import describe_refusal, is_importable
from lumo_graph.types import CodeError, ToolSpec

_LONGEST = 200_000
_MOST_VARIABLES = 200
"""A session lists no more variables than about this; where it lists so many, there may be others."""
_GIVEN = frozenset({"final_answer", "ToolError"})
_BUILTINS = frozenset({*dir(builtins), "exit", "quit", "help", "copyright", "credits", "license"})
_NAMES = (ast.Name, ast.AugAssign)
_IMPORTS = (ast.Import, ast.ImportFrom)
_USES = (ast.Await, ast.Attribute, ast.Subscript, ast.For, ast.comprehension, ast.BinOp)
_COROUTINE_ATTRIBUTES = frozenset({"send", "throw", "close"})
_NOT_AWAITABLE = (
    ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp,
)  # fmt: skip
_COLLECTIONS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)


def check_action(
    code: str,
    *,
    variables: Mapping[str, str] | None,
    tools: Sequence[ToolSpec],
    same_python: bool = True,
    imports: Sequence[str] | None = None,
) -> CodeError | None:
    """The error that an action is certain to end with, or None: then it may be run.

    Args:
        code: the action.
        variables: every variable of the session, with its description; None if that is not known, then the action is
            only parsed.
        tools: what the code may call.
        same_python: the session's Python is the one that runs this. If not, what does not parse here may parse there.
        imports: modules that the code may import; None: all that there are.
    """
    if len(code) > _LONGEST:
        return None
    try:
        return _check(code, variables, tools, same_python=same_python, imports=imports)
    except (ValueError, RecursionError, MemoryError):
        return None  # not text, or nested too deep for this thread: the session will say


def _check(
    code: str,
    variables: Mapping[str, str] | None,
    tools: Sequence[ToolSpec],
    *,
    same_python: bool,
    imports: Sequence[str] | None,
) -> CodeError | None:
    tree = parse_action(code)
    if not isinstance(tree, ast.Module):
        return tree if same_python else None
    if variables is None or len(variables) >= _MOST_VARIABLES:
        return None
    nodes = list(every_node([tree]))
    bindings = find_bindings(nodes)
    if bindings.hidden:
        return None
    return _Check(code, bindings, variables, tools, imports).run(tree, nodes)


class _Check:
    """One action whose names can be told from its text."""

    def __init__(
        self,
        code: str,
        bindings: Bindings,
        variables: Mapping[str, str],
        tools: Sequence[ToolSpec],
        imports: Sequence[str] | None,
    ) -> None:
        self._code = code
        self._imports = imports
        self._bindings = bindings
        self._variables = variables
        self._tools = {tool.name: tool for tool in tools}
        self._in_function = False
        self._known = {*_BUILTINS, *bindings.count, *variables, *self._tools, *_GIVEN}
        self._fails: dict[type[ast.AST], Callable[[ast.AST], CodeError | None]] = {
            **dict.fromkeys(_NAMES, self._name),
            **dict.fromkeys(_USES, self._use),
            **dict.fromkeys(_IMPORTS, self._import),
            ast.Call: self._call,
        }

    def run(self, tree: ast.Module, nodes: Sequence[ast.AST]) -> CodeError | None:
        """The error that the action is certain to end with.

        Args:
            tree: the action.
            nodes: all that is in it.
        """
        # Most actions are in order wherever one looks: then what is evaluated for certain need not be found out.
        looks = {**self._fails, ast.Expr: self._drop}
        if all((look := looks.get(type(part))) is None or look(part) is None for part in nodes):
            return None
        path = CertainPath(self._bindings, self._variables)
        dropped: CodeError | None = None
        for part in path.follow(tree):
            self._in_function = path.in_function
            if (error := self._fail(part)) is not None:
                return error
            dropped = dropped or self._drop(part)
        # An action that answers is not blamed for a call it has not made.
        return None if path.ended else dropped

    def _fail(self, part: ast.AST) -> CodeError | None:
        """The error that this part fails with if it is evaluated."""
        fails = self._fails.get(type(part))
        return None if fails is None else fails(part)

    def _name(self, part: ast.AST) -> CodeError | None:
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                pass
            case ast.AugAssign(target=ast.Name(id=name)) if not self._in_function:
                pass
            case _:
                return None
        if name.startswith("__"):  # of the module, or mangled in a class
            return None
        if name in self._known:
            return None
        scopes = (_BUILTINS, self._bindings.count, self._variables, self._tools, _GIVEN)
        near = _near(name, (other for scope in scopes for other in scope))
        return report("NameError", f"name {name!r} is not defined", part, self._code, near=near)

    def _call(self, part: ast.AST) -> CodeError | None:
        if not isinstance(part, ast.Call) or (tool := self._tool(part)) is None:
            return None
        problem = bind_call(tool, part)
        return None if problem is None else report("TypeError", problem, part, self._code)

    def _use(self, part: ast.AST) -> CodeError | None:
        """A use that fails whatever the tool gives, because its call was not awaited; or an `await` of no call."""
        match part:
            case ast.Await(value=value) if isinstance(value, _NOT_AWAITABLE):
                hint = "; write `await asyncio.gather(...)` to wait for several calls" * isinstance(value, _COLLECTIONS)
                return report("TypeError", f"{_kind(value)} can't be awaited{hint}", part, self._code)
            case ast.Attribute(value=call, attr=name) if not name.startswith(("_", "cr_")):
                fails = name not in _COROUTINE_ATTRIBUTES and self._is_coroutine(call)
                problem = f"'coroutine' object has no attribute {name!r}"
                return self._unawaited("AttributeError", problem, call) if fails else None
            case ast.Subscript(value=call) if self._is_coroutine(call):
                return self._unawaited("TypeError", "'coroutine' object is not subscriptable", call)
            case ast.For(iter=call) | ast.comprehension(iter=call, is_async=0) if self._is_coroutine(call):
                return self._unawaited("TypeError", "'coroutine' object is not iterable", call)
            case (
                ast.BinOp(left=ast.Constant() as other, right=call)
                | ast.BinOp(left=call, right=ast.Constant() as other)
            ):
                formats = isinstance(part.op, ast.Mod) and isinstance(other.value, str | bytes) and part.left is other
                fails = not formats and self._is_coroutine(call)
                return (
                    self._unawaited("TypeError", "a 'coroutine' object cannot be calculated with", call)
                    if fails
                    else None
                )
            case _:
                return None

    def _import(self, part: ast.AST) -> CodeError | None:
        match part:
            case _ if self._imports is None:
                return None
            case ast.Import(names=names):
                wanted = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                wanted = [module]
            case _:
                return None
        refused = next((name for name in wanted if not is_importable(name, self._imports)), None)
        if refused is None:
            return None
        return report("ImportError", describe_refusal(refused, self._imports), part, self._code)

    def _drop(self, part: ast.AST) -> CodeError | None:
        if isinstance(part, ast.Expr) and self._is_coroutine(part.value):
            return self._unawaited("RuntimeError", "the coroutine of this call is never awaited", part.value)
        return None

    def _unawaited(self, kind: str, problem: str, call: ast.expr) -> CodeError:
        tool = self._tool(call)
        name = tool.name if tool else ""
        return report(kind, f"{problem}: {name}(...) is async, write `await {name}(...)`", call, self._code)

    def _is_coroutine(self, part: ast.expr) -> bool:
        tool = self._tool(part)
        return tool is not None and tool.is_async

    def _tool(self, part: ast.expr) -> ToolSpec | None:
        """The tool that is called here, if the name is certain to be the tool's."""
        match part:
            case ast.Call(func=ast.Name(id=name)) if not self._bindings.count[name] and name not in self._variables:
                return self._tools.get(name)
            case _:
                return None


def _near(name: str, known: Iterable[str]) -> list[str]:
    names = dict.fromkeys(other for other in known if other != name and not other.startswith("__"))
    folded = [other for other in names if other.casefold() == name.casefold()]
    close = difflib.get_close_matches(name[:80], names, n=5, cutoff=0.6)
    return list(dict.fromkeys([*folded, *close]))[:5]


def _kind(node: ast.AST) -> str:
    match node:
        case ast.List() | ast.ListComp():
            return "a list"
        case ast.Tuple():
            return "a tuple"
        case ast.GeneratorExp():
            return "a generator"
        case ast.Constant(value=value):
            return f"object {type(value).__name__}"
        case _:
            return "this object"
