"""How deeply data may be nested."""

from typing import Any

from lumo_graph.errors import ConfigurationError

MAX_DEPTH = 64
"""Levels of lists and objects within one another."""


def check_depth(value: Any, what: str, *, most: int = MAX_DEPTH) -> None:
    """Refuse data that is nested so deeply that to walk through it would cost the stack.

    Raises:
        ConfigurationError: it is.
    """
    level = [value]
    for _ in range(most):
        level = [item for one in level for item in _items(one)]
        if not level:
            return
    raise ConfigurationError(f"{what} is nested more than {most} levels deep.")


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
