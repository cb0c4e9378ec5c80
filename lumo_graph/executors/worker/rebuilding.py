"""What a saved namespace calls while it is loaded.

Pickles name these functions by their position in `HELPERS`, never by an import path: the order is part of the format.
"""

import functools
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, NoReturn

from lumo_graph.executors.worker.unsaved import Unsaved


def make_cell() -> CellType:
    """A closure's cell, still empty."""
    return CellType()


def fill_cell(cell: CellType, *content: object) -> CellType:
    """The cell, with its content if it has one."""
    for value in content:
        cell.cell_contents = value
    return cell


def make_function(code: CodeType, namespace: dict[str, Any], cells: tuple[CellType, ...] | None) -> FunctionType:
    """A function without its state; `namespace` becomes its live globals."""
    return FunctionType(code, namespace, None, None, cells)


def set_function_state(function: Any, state: tuple[dict[str, Any], dict[str, Any], list[tuple[CellType, Any]]]) -> None:
    """Give a function its attributes, and its cells their contents."""
    members, attributes, contents = state
    for name, value in members.items():
        setattr(function, name, value)
    function.__dict__.update(attributes)
    for cell, content in contents:
        cell.cell_contents = content


def bind_method(owner: type, name: str, instance: object) -> MethodType:
    """A method of a class, bound; it is looked up in the class so that the class is not saved with the method."""
    found: Any = vars(owner)[name]
    return MethodType(getattr(found, "__func__", found), instance)


def make_lru_cache(function: Callable[..., Any], parameters: dict[str, Any], attributes: dict[str, Any]) -> object:
    """A function with an `lru_cache` that is empty again."""
    cached = functools.lru_cache(**parameters)(function)
    cached.__dict__.update(attributes)
    return cached


def view_array(base: Any, place: tuple[Any, ...], writeable: bool) -> object:  # noqa: FBT001 - called by pickle
    """A numpy array that looks at the memory of another.

    Args:
        base: the array that owns the memory, contiguous in C or Fortran order.
        place: dtype, shape, offset in bytes and strides of the view.
        writeable: whether the view may be written through.
    """
    import numpy as np  # noqa: PLC0415 - only where the session uses numpy

    dtype, shape, offset, strides = place
    memory = base.ravel(order="K").view(np.uint8)
    view = np.ndarray(shape, dtype, memory, offset, strides)
    view.flags.writeable = writeable
    return view


def class_named(name: str) -> NoReturn:
    """Stands in a pickle for the loader's table of classes."""
    raise LookupError(name)


def reserved_named(name: str) -> NoReturn:
    """Stands in a pickle for a reserved name of the namespace."""
    raise LookupError(name)


HELPERS: tuple[Callable[..., Any], ...] = (
    class_named,
    reserved_named,
    Unsaved,
    make_cell,
    fill_cell,
    make_function,
    set_function_state,
    bind_method,
    make_lru_cache,
    view_array,
)
