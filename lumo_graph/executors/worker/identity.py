"""For which objects it matters that two references mean one object, and which of them a plain value reaches."""

import enum
import sys
from collections.abc import Collection, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    GenericAlias,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    NotImplementedType,
    UnionType,
    WrapperDescriptorType,
)
from typing import Any, cast

SCALARS = (int, float, bool, type(None), str, bytes, complex)
_CONTAINERS = (list, dict, tuple, set, frozenset, bytearray)

_VALUE_TYPES = (
    *SCALARS, tuple, frozenset, range, slice, EllipsisType, NotImplementedType, CodeType, BuiltinFunctionType, ModuleType,
    GenericAlias, UnionType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType,
)  # fmt: skip
_VALUE_TYPE_NAMES = {
    ("datetime", "date"), ("datetime", "datetime"), ("datetime", "time"), ("datetime", "timedelta"),
    ("datetime", "timezone"), ("zoneinfo", "ZoneInfo"), ("decimal", "Decimal"), ("fractions", "Fraction"),
    ("uuid", "UUID"), ("re", "Pattern"), ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"), ("pickle", "PickleBuffer"),
    ("_pickle", "PickleBuffer"), ("logging", "Logger"), ("logging", "RootLogger"),
}  # fmt: skip
_LIBRARY_VALUE_NAMES = {
    "numpy": ("dtype", "generic", "ufunc"),
    "pandas": ("Timestamp", "Timedelta", "Period", "Interval", "NaT", "NA"),
}
_module_of = type.__dict__["__module__"].__get__
_name_of = type.__dict__["__qualname__"].__get__

# Types are told apart by id: the metaclass of a session's class may define equality and hashing as it likes.
_SCALAR_IDS = frozenset(map(id, SCALARS))
_CONTAINER_IDS = frozenset(map(id, _CONTAINERS))
_FLAT_CONTAINER_IDS = frozenset({id(bytearray)})
_UNMARKED_IDS = frozenset({id(tuple), id(frozenset)})


def is_scalar(value: object) -> bool:
    """Whether the value is an immutable builtin without parts, so that the same object means nothing changed."""
    return id(type(value)) in _SCALAR_IDS


def type_home(kind: type) -> tuple[str, str]:
    """Module and qualified name of a type, read past anything its metaclass defines."""
    module, name = _module_of(kind), _name_of(kind)
    return (module if type(module) is str else ""), name


def numpy_array_type() -> type | None:
    """The type of numpy's arrays, if the session has loaded numpy."""
    found = getattr(sys.modules.get("numpy"), "ndarray", None)
    return found if type(found) is type else None


class ValueTypes:
    """Knows the types whose instances are values: a copy of one is as good as the same object."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = dict.fromkeys(map(id, _VALUE_TYPES), True)
        self._pins: list[type] = []

    def holds(self, kind: type) -> bool:
        """Whether instances of exactly this type are values."""
        known = self._known.get(id(kind))
        if known is None:
            self._pins.append(kind)
            known = self._known[id(kind)] = self._decide(kind)
        return known

    def _decide(self, kind: type) -> bool:
        if issubclass(kind, (type, enum.Enum)):
            return True
        module, name = home = type_home(kind)
        if home in _VALUE_TYPE_NAMES:
            return True
        library = module.split(".")[0]
        for value_name in _LIBRARY_VALUE_NAMES.get(library, ()):
            found = getattr(sys.modules.get(library), value_name, None)
            if (type(found) is type and issubclass(kind, found)) or name == f"{value_name}Type":
                return True
        return False


def plain_reach(root: object, known: Collection[int], array_type: type | None) -> dict[int, object] | None:
    """The objects below a value whose identity matters, if the value is plain data through and through.

    Several times faster than reading the same from the memo of a pickler.

    Args:
        root: the value.
        known: ids of objects not to look into and not to report.
        array_type: the type of numpy's arrays; one that owns plain memory counts as plain data.

    Returns:
        Id to object, or None if anything else than builtin data turned up.
    """
    marked: dict[int, object] = {}
    seen = {id(root), *known}
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        kind = id(type(parent))
        if kind not in _UNMARKED_IDS:
            marked[id(parent)] = parent
        if kind in _FLAT_CONTAINER_IDS:
            continue
        children = _parts(parent)
        kinds = set(map(id, map(type, children))) - _SCALAR_IDS
        if not kinds:
            continue
        if not kinds <= _CONTAINER_IDS and not (array_type and kinds <= _CONTAINER_IDS | {id(array_type)}):
            return None
        for child in children:
            if id(type(child)) in _SCALAR_IDS or id(child) in seen:
                continue
            seen.add(id(child))
            if type(child) is array_type:
                if not _owns_plain_memory(child):
                    return None
                marked[id(child)] = child
            else:
                waiting.append(child)
    return marked


def _parts(parent: object) -> Collection[Any]:
    if type(parent) is not dict:
        return cast("Collection[Any]", parent)
    items = cast("Mapping[Any, Any]", parent)
    if set(map(id, map(type, items))) <= _SCALAR_IDS:
        return items.values()
    return [*items, *items.values()]


def _owns_plain_memory(array: Any) -> bool:
    return array.base is None and not array.dtype.hasobject
