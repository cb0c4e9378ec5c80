"""For which objects it matters that two references mean one object, and which of them a plain value reaches."""

import enum
import sys
from collections.abc import Collection, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    FunctionType,
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

_VALUE_TYPES: tuple[type, ...] = (
    *SCALARS, tuple, frozenset, range, slice, EllipsisType, NotImplementedType, CodeType, BuiltinFunctionType,
    ModuleType,
    GenericAlias, UnionType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType,
)  # fmt: skip
_VALUE_TYPE_NAMES = {
    ("datetime", "date"), ("datetime", "datetime"), ("datetime", "time"), ("datetime", "timedelta"),
    ("datetime", "timezone"), ("zoneinfo", "ZoneInfo"), ("decimal", "Decimal"), ("fractions", "Fraction"),
    ("uuid", "UUID"), ("re", "Pattern"), ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"),
    ("pickle", "PickleBuffer"), ("_pickle", "PickleBuffer"), ("logging", "Logger"), ("logging", "RootLogger"),
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
_DICT_ID, _BYTEARRAY_ID = id(dict), id(bytearray)
_UNMARKED_IDS = frozenset({id(tuple), id(frozenset)})


def is_scalar(value: object) -> bool:
    """Whether the value is an immutable builtin without parts, so that the same object means nothing changed."""
    return id(type(value)) in _SCALAR_IDS


def type_home(kind: type[Any]) -> tuple[str, str]:
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
        self._containers: dict[int, frozenset[int]] = {}
        self._pins: list[type] = []

    def holds(self, kind: type[Any]) -> bool:
        """Whether instances of exactly this type are values."""
        known = self._known.get(id(kind))
        if known is None:
            self._pins.append(kind)
            known = self._known[id(kind)] = self._decide(kind)
        return known

    def _decide(self, kind: type[Any]) -> bool:
        if kind is FunctionType:
            return False
        if issubclass(kind, (type, enum.Enum)) or any("__qualname__" in vars(base) for base in _bases_of(kind)):
            return True
        module, name = home = type_home(kind)
        if home in _VALUE_TYPE_NAMES or (module.startswith("pandas") and name.endswith("Dtype")):
            return True
        library = module.split(".")[0]
        for value_name in _LIBRARY_VALUE_NAMES.get(library, ()):
            found = getattr(sys.modules.get(library), value_name, None)
            if (
                issubclass(type(found), type) and issubclass(kind, cast("type[Any]", found))
            ) or name == f"{value_name}Type":
                return True
        return False

    def class_containers(self, kind: type[Any]) -> Collection[int]:
        """Ids of the containers that stand in a library's class: instances write them, but do not own them."""
        known = self._containers.get(id(kind))
        if known is None:
            self._pins.append(kind)
            library = type_home(kind)[0] not in ("__main__", "builtins")
            bases = _bases_of(kind) if library else ()
            values: list[object] = [value for base in bases for value in vars(base).values()]
            known = frozenset(id(value) for value in values if id(type(value)) in _CONTAINER_IDS)
            self._containers[id(kind)] = known
        return known


def _bases_of(kind: type[Any]) -> tuple[type[Any], ...]:
    return type.__dict__["__mro__"].__get__(kind)


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
        for children in _parts(parent, kind):
            if _SCALAR_IDS.issuperset(map(id, map(type, children))):
                continue
            for child in children:
                kind, key = id(type(child)), id(child)
                if kind in _SCALAR_IDS or key in seen:
                    continue
                seen.add(key)
                if kind in _CONTAINER_IDS:
                    waiting.append(child)
                elif type(child) is array_type and _owns_plain_memory(child):
                    marked[key] = child
                else:
                    return None
    return marked


def _parts(parent: object, kind: int) -> tuple[Collection[object], ...]:
    if kind == _DICT_ID:
        items = cast("Mapping[object, object]", parent)
        return items.keys(), items.values()
    return () if kind == _BYTEARRAY_ID else (cast("Collection[object]", parent),)


def _owns_plain_memory(array: Any) -> bool:
    return array.base is None and not array.dtype.hasobject
