"""Functions in the place of others."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

_SAME: Any = object()


def names_of(module: ModuleType) -> dict[str, Any]:
    """The names of a module, to be read and set; those too that are not its public ones."""
    return module.__dict__


def disguise(wrapper: Callable[..., Any], original: Any, *, module: Any = _SAME) -> Any:
    """Give a function the names and the text of what it replaces, so that it is pickled and shown like that.

    Args:
        wrapper: a function made for this.
        original: the other one.
        module: where it is found; that of the original unless it is given.
    """
    wrapper.__name__ = original.__name__
    wrapper.__qualname__ = original.__qualname__
    wrapper.__annotations__ = {}
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__ if module is _SAME else module
    return wrapper
