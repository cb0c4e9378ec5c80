"""The module that a session's code lives in: `__main__`, with builtins of its own."""

import builtins
import linecache
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

from lumo_graph.executors.worker.action import AWAIT_HELPER, awaitable_or_value


def make_home() -> types.ModuleType:
    """A fresh `__main__` whose builtins can be changed without changing ours."""
    private = types.ModuleType("builtins", builtins.__doc__)
    vars(private).update(vars(builtins))
    vars(private).update(
        {"input": _no_input, "exit": _leave("exit"), "quit": _leave("quit"), AWAIT_HELPER: awaitable_or_value}
    )
    home = types.ModuleType("__main__")
    home.__builtins__ = private  # pyright: ignore[reportAttributeAccessIssue] - what the interpreter reads
    sys.modules["builtins"] = private
    sys.modules["__main__"] = home
    sys.breakpointhook = _no_debugger
    return home


class Essentials:
    """What no action runs without, to be put back before each.

    Args:
        home: what `make_home` gave.
    """

    def __init__(self, home: types.ModuleType) -> None:
        self._home = home
        self._builtins: types.ModuleType = home.__builtins__
        self._names = dict(vars(self._builtins))

    def repair(self) -> None:
        """Put back what is missing; builtins that the code has replaced stay as it wants them."""
        names = vars(self._builtins)
        if not names.keys() >= self._names.keys():
            names.update(self._names | names)
        vars(self._home)["__builtins__"] = self._builtins
        sys.modules["builtins"] = self._builtins
        sys.modules["__main__"] = self._home
        if type(linecache.cache) is not dict:
            linecache.cache = {}


def _no_input(prompt: object = "") -> NoReturn:
    raise EOFError(
        f"input({prompt if prompt == '' else repr(str(prompt))[:100]}) has nobody to ask: "
        "use what the task gives, or say what is missing with final_answer(...)."
    )


def _no_debugger(*_args: object, **_kwargs: object) -> NoReturn:
    raise RuntimeError("there is nobody at a debugger: print what you want to know instead of breakpoint().")


def _leave(name: str) -> Callable[..., NoReturn]:
    def leave(code: Any = None) -> NoReturn:
        raise SystemExit(code)

    leave.__name__ = leave.__qualname__ = name
    leave.__doc__ = "Does not end the run: call final_answer(...) for that."
    return leave
