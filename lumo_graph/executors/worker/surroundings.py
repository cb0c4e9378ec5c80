"""What both sides of a pickle know without it being written: the live namespace, the helpers, names of classes."""

import builtins
from collections.abc import Callable, Collection
from typing import Any

from lumo_graph.executors.worker.classes import ClassNames
from lumo_graph.executors.worker.identity import ValueTypes, is_scalar
from lumo_graph.executors.worker.rebuilding import HELPERS, class_named, reserved_named
from lumo_graph.executors.worker.references import Landmarks
from lumo_graph.executors.worker.unsaved import Unsaved


def seeds_of(namespace: dict[str, Any], class_for: Callable[[str], type] | None = None) -> list[Any]:
    """The objects that hold the first places of every pickle's memo, in the order that is part of the format.

    Args:
        namespace: the live namespace; functions get it as their globals.
        class_for: finds a class by its name while loading; None while dumping.
    """
    if class_for is None:
        return [namespace, vars(builtins), *HELPERS]

    def reserved_for(name: str) -> object:
        return namespace.get(name, Unsaved(f"{name!r} is not available in this session"))

    live: dict[Callable[..., Any], Callable[..., Any]] = {class_named: class_for, reserved_named: reserved_for}
    return [namespace, vars(builtins), *(live.get(helper, helper) for helper in HELPERS)]


class Surroundings:
    """One look at a namespace: what its picklers share."""

    def __init__(self, namespace: dict[str, Any], *, reserved: Collection[str], names: ClassNames) -> None:
        self.namespace = namespace
        self.names = names
        self.value_types = ValueTypes()
        self.landmarks = Landmarks()
        self.reserved = {
            id(namespace[name]): name for name in reserved if name in namespace and not is_scalar(namespace[name])
        }
        self.memo = {id(seed): (place, seed) for place, seed in enumerate(seeds_of(namespace))}
