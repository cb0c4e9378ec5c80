"""A list of what code may import: a convenience that keeps code to what was meant for it. The wall is the jail."""

import types
from collections.abc import Callable, Collection
from typing import Any

from lumo_graph.importable import describe_refusal, is_importable

_LEVEL = 3
"""Place of `level` among the arguments that follow the name; above 0 the import is relative."""


def allow_imports(builtins: types.ModuleType, allowed: Collection[str]) -> None:
    """Have `import` in code with these builtins refuse what is not listed. What listed modules import is their own.

    Args:
        builtins: of the session's code, and of nothing else.
        allowed: names of modules; a package's name allows what is in it.
    """
    names = tuple(allowed)
    original: Callable[..., Any] = vars(builtins)["__import__"]

    def import_listed(name: str, *args: Any, **kwargs: Any) -> Any:
        level = args[_LEVEL] if len(args) > _LEVEL else kwargs.get("level", 0)
        if level == 0 and not is_importable(name, names):
            raise ImportError(describe_refusal(name, names), name=name)
        return original(name, *args, **kwargs)

    vars(builtins)["__import__"] = import_listed
