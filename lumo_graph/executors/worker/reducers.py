"""How single kinds of objects are taken apart, where pickle and cloudpickle would fail or lose something."""

import _thread
import copyreg
import functools
import gc
import io
import sys
import threading
import typing
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, MappingProxyType, ModuleType
from typing import Any, NoReturn, cast

import cloudpickle.cloudpickle

from lumo_graph.executors.worker.identity import type_home
from lumo_graph.executors.worker.rebuilding import make_lru_cache

# cloudpickle's reductions of classes have no public name; the tests say if one of these goes away.
_CLOUDPICKLE: Mapping[str, Any] = vars(cloudpickle.cloudpickle)
_pickles_by_reference: Callable[[object], bool] = _CLOUDPICKLE["_should_pickle_by_reference"]
_reduce_any_class: Callable[[type], Any] = _CLOUDPICKLE["_class_reduce"]
_reduce_session_class: Callable[[type], tuple[Any, ...]] = _CLOUDPICKLE["_dynamic_class_reduce"]
_reduce_typevar: Callable[[object], tuple[Any, ...]] = _CLOUDPICKLE["_typevar_reduce"]
_make_typevar: Callable[..., Any] = _CLOUDPICKLE["_make_typevar"]
_BUILTIN_TYPES = (*_CLOUDPICKLE["_BUILTIN_TYPE_NAMES"], type(None), type(...), type(NotImplemented))
_BUILTIN_TYPE_IDS = frozenset(map(id, _BUILTIN_TYPES))

_new_object: Any = vars(copyreg)["__newobj__"]  # pickle knows the function by this name

OPEN_FILES = (io.IOBase,)
_MEMORY_FILES = (io.BytesIO, io.StringIO)
_PLAIN_EXCEPTION_SIZE = BaseException.__basicsize__


def is_importable(value: object) -> bool:
    """Whether a function or class can be found again by its module and name."""
    return _pickles_by_reference(value)


def is_builtin_type(cls: type) -> bool:
    """Whether a class is one of those that the interpreter has but no module names."""
    return id(cls) in _BUILTIN_TYPE_IDS


def reduce_importable_class(cls: type) -> Any:
    """A class by its module and name."""
    return _reduce_any_class(cls)


def reduce_class(cls: type) -> tuple[Any, ...]:
    """A class by its content, without cloudpickle's process-wide id: our loader keeps its own table."""
    make, args, *rest = _reduce_session_class(cls)
    *described, _, extra = args
    return (make, (*described, None, extra), *rest)


def function_members(function: FunctionType) -> dict[str, Any]:
    """The members of a function that can be set on a new one."""
    names = ["__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__"]
    if getattr(function, "__type_params__", None):
        names.append("__type_params__")
    # From Python 3.14 reading the annotations evaluates them; the function that would do it is saved instead.
    names.append("__annotate__" if getattr(function, "__annotate__", None) else "__annotations__")
    return {name: getattr(function, name) for name in names}


def is_filled(cell: CellType) -> bool:
    """Whether a closure's variable has been assigned."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def module_of_globals(space: dict[str, Any]) -> ModuleType | None:
    """The imported module whose globals these are."""
    name = space.get("__name__")
    module = sys.modules.get(name) if type(name) is str else None
    return module if type(module) is ModuleType and vars(module) is space else None


def home_of_method(function: object, instance: object) -> tuple[type, str] | None:
    """The class and the name under which a bound method's function stands in it."""
    if type(function) is not FunctionType:
        return None
    kind = cast("type[Any]", instance) if issubclass(type(instance), type) else type(instance)
    name = function.__name__
    for base in type.__dict__["__mro__"].__get__(kind):
        found: Any = type.__dict__["__dict__"].__get__(base).get(name)
        held: object = found.__func__ if type(found) is classmethod else found  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if held is function:
            return base, name
    return None


def has_own_init(kind: type[BaseException]) -> bool:
    """Whether an exception class has an `__init__` in Python, which pickle would call with the wrong arguments."""
    if kind.__reduce__ is not BaseException.__reduce__ or kind.__reduce_ex__ is not object.__reduce_ex__:
        return False
    builtin = next(base for base in kind.__mro__ if type_home(base)[0] == "builtins")
    return builtin.__basicsize__ == _PLAIN_EXCEPTION_SIZE and type(kind.__init__) is FunctionType


def reduce_exception(error: BaseException) -> tuple[Any, ...]:
    """An exception without a call of its `__init__`."""
    return _new_object, (type(error), *error.args), error.__dict__ or None


def reduce_open_file(file: Any) -> Any:
    """A file in memory as usual; an open file not at all: it belongs to this process."""
    if isinstance(file, _MEMORY_FILES) or type_home(cast("type[Any]", type(file)))[0] == "__main__":
        return NotImplemented
    return _refuse(f"an open file ({getattr(file, 'name', '?')!r:.80}): open it again")


def _refuse(reason: str) -> NoReturn:
    raise TypeError(f"cannot save {reason}")


def _reduce_lock(lock: Any) -> tuple[Any, ...]:
    return _refuse("a lock that is held") if lock.locked() else (threading.Lock, ())


def _reduce_rlock(lock: Any) -> tuple[Any, ...]:
    if lock._is_owned() or not lock.acquire(blocking=False):  # noqa: SLF001 - threading.Condition asks the same way
        _refuse("a lock that is held")
    lock.release()
    return threading.RLock, ()


def _reduce_lru_cache(cached: Any) -> Any:
    found: Any = sys.modules.get(cached.__module__)
    for part in cached.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is cached and cached.__module__ != "__main__":
        return NotImplemented
    members: dict[str, Any] = {**vars(cached)}
    del members["__wrapped__"], members["cache_parameters"]
    return make_lru_cache, (cached.__wrapped__, cached.cache_parameters(), members)


def _reduce_memoryview(view: memoryview) -> tuple[Any, ...]:
    whole = view.obj
    if (
        view.format != "B"
        or view.ndim != 1
        or not view.contiguous
        or memoryview(cast("Any", whole)).nbytes != view.nbytes
    ):
        _refuse("a memoryview of a part of a buffer")
    return memoryview, (whole,)


def _reduce_dict_view(method: Callable[..., Any]) -> Callable[[object], tuple[Any, ...]]:
    def reduce(view: object) -> tuple[Any, ...]:
        return method, tuple(gc.get_referents(view))

    return reduce


def _reduce_mapping_proxy(proxy: object) -> tuple[Any, ...]:
    return MappingProxyType, tuple(gc.get_referents(proxy))


def _reduce_typevar_by_value(variable: object) -> tuple[Any, ...]:
    reduced = _reduce_typevar(variable)
    return (_make_typevar, (*reduced[1][:-1], None)) if reduced[0] is _make_typevar else reduced


def _reduce_weak_mapping(mapping: Any) -> tuple[Any, ...]:
    kind: Any = cast("Any", type(mapping))
    return kind, (dict(mapping),)


_REDUCERS: dict[Any, Callable[[Any], Any]] = {
    _thread.LockType: _reduce_lock,
    type(threading.RLock()): _reduce_rlock,
    type(functools.lru_cache(len)): _reduce_lru_cache,
    memoryview: _reduce_memoryview,
    MappingProxyType: _reduce_mapping_proxy,
    typing.TypeVar: _reduce_typevar_by_value,
    typing.ParamSpec: lambda spec: (typing.ParamSpec, (spec.__name__,)),
    typing.TypeVarTuple: lambda spec: (typing.TypeVarTuple, (spec.__name__,)),
    typing.NewType: lambda new: (typing.NewType, (new.__name__, new.__supertype__)),
    weakref.WeakKeyDictionary: _reduce_weak_mapping,
    weakref.WeakValueDictionary: _reduce_weak_mapping,
    **{
        type(getattr(mapping(), view)()): _reduce_dict_view(getattr(mapping, view))
        for mapping in (dict[str, int], OrderedDict[str, int])
        for view in ("keys", "values", "items")
    },
}
SIMPLE: dict[int, Callable[[Any], Any]] = {id(kind): reduce for kind, reduce in _REDUCERS.items()}
"""Id of an exact type to the function that takes its instances apart."""
