"""One action: Python source, compiled so that its last expression has a value and `await` works at its top level."""

import ast
import asyncio
import inspect
import linecache
import selectors
import zlib
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType
from typing import Any

from lumo_graph.executors.worker.order import Order

AWAIT_HELPER = "__awaitable_or_value__"
_FILES_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A compiled action."""

    filename: str
    body: CodeType
    last: CodeType | None
    """The last expression; None if the action does not end in one."""


def name_action(code: str, number: int) -> str:
    """A file name for the code objects of an action; that of a restored function's action is another one."""
    return f"<action {number} {zlib.crc32(code.encode('utf-8', 'replace')):08x}>"


def compile_action(code: str, filename: str) -> Action:
    """Compile source text.

    Args:
        code: the source.
        filename: what `name_action` gives for it.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is not a program.
    """
    tree = compile(code, filename, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    assert isinstance(tree, ast.Module)  # noqa: S101 - what these flags give
    if "await" in code:
        tree = ast.fix_missing_locations(_AwaitAnything().visit(tree))
    last = None
    if tree.body and isinstance(end := tree.body[-1], ast.Expr):
        tree.body.pop()
        last = _compile(ast.Expression(end.value), filename, "eval")
    body = _compile(tree, filename, "exec")
    _remember_source(filename, code)
    return Action(filename=filename, body=body, last=last)


def _compile(tree: ast.Module | ast.Expression, filename: str, mode: str) -> CodeType:
    return compile(tree, filename, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def _remember_source(filename: str, code: str) -> None:
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    if len(linecache.cache) > _FILES_KEPT:
        ours = [name for name in linecache.cache if name.startswith("<action ")]
        for name in ours[:-_FILES_KEPT]:
            del linecache.cache[name]


class _AwaitAnything(ast.NodeTransformer):
    """`await f(x)` also works where `f` is not async: a tool's result passes through."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Call):
            helper = ast.Name(AWAIT_HELPER, ast.Load())
            node.value = ast.copy_location(ast.Call(func=helper, args=[node.value], keywords=[]), node.value)
        return node


class _Ready:
    """An awaitable that has its value already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, Any]:
        return self._value
        yield  # makes it a generator


def awaitable_or_value(value: Any) -> Any:
    """The value if it can be awaited, else something that can and gives the value."""
    return value if inspect.isawaitable(value) else _Ready(value)


class Runner:
    """Runs compiled actions in one namespace, on one event loop if they need any.

    Args:
        namespace: of the session.
        order: learns which task the action is.
    """

    def __init__(self, namespace: dict[str, Any], order: Order) -> None:
        self._namespace = namespace
        self._order = order
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, action: Action, ended: Callable[[Any], None]) -> None:
        """Run an action and give `ended` the value of its last expression if it has one."""
        parts = [action.body] if action.last is None else [action.body, action.last]
        if any(code.co_flags & inspect.CO_COROUTINE for code in parts):
            # All of it in the running loop: what stands before an `await` may need it already.
            value = self._wait(self._run_async(parts))
        else:
            value = [self._run_code(code) for code in parts][-1]
        if action.last is not None:
            ended(value)

    def renew(self) -> None:
        """Repair the event loop in a process that is a copy: the kernel's part of it is shared, its threads gone."""
        loop: Any = self._loop
        if loop is None or loop.is_closed():
            return
        old, new = loop._selector, selectors.DefaultSelector()  # noqa: SLF001 - nothing public reaches it
        for key in list(old.get_map().values()):
            with suppress(OSError, ValueError):  # of something that is closed by now
                new.register(key.fileobj, key.events, key.data)
        old.close()
        loop._selector = new  # noqa: SLF001
        loop._default_executor = None  # noqa: SLF001 - its threads are gone

    async def _run_async(self, parts: list[CodeType]) -> Any:
        value = None
        self._order.task = asyncio.current_task()
        for code in parts:
            value = self._run_code(code)
            if code.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value

    def _run_code(self, code: CodeType) -> Any:
        return eval(code, self._namespace)  # noqa: S307 - what a jailed session is for

    def _wait(self, coroutine: Any) -> Any:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)
