"""The pickler of a session's values; `unpickling` is its counterpart.

Functions keep the live namespace as their globals, classes of the session are referred to by name, closures keep
sharing their cells, and numpy views keep looking at the array they were taken from.
"""

import io
import pickle
from collections.abc import Callable, Collection, Mapping
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar, cast

import cloudpickle

from lumo_graph.executors.worker import reducers
from lumo_graph.executors.worker.identity import numpy_array_type
from lumo_graph.executors.worker.rebuilding import (
    bind_method,
    class_named,
    fill_cell,
    make_cell,
    make_function,
    reserved_named,
    set_function_state,
    view_array,
)
from lumo_graph.executors.worker.surroundings import Surroundings
from lumo_graph.executors.worker.unsaved import Unsaved, describe_error, reason_of

PROTOCOL = 5
_OUT_OF_BAND_BYTES = 64 * 1024
"""Buffers of at least this size stay out of the pickle: hashed where they are, copied only if they changed."""


class TooLargeError(Exception):
    """More bytes than may be written."""


class Sink:
    """Takes what a pickler writes, and stops it at a limit."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self.parts: list[bytes] = []
        self.buffers: list[memoryview] = []
        self._limit = limit

    def write(self, data: bytes) -> int:
        """Keep some bytes."""
        self._count(len(data))
        self.parts.append(bytes(data))
        return len(data)

    def keep_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Keep a large buffer as it is; True asks the pickler to write a small one like anything else."""
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True
        self._count(raw.nbytes)
        self.buffers.append(raw)
        return False

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > self._limit:
            raise TooLargeError


class _Shell:
    """Stands for a closure's cell whose content is written later, so that a closure may hold its own function."""

    def __init__(self, cell: CellType) -> None:
        self.cell = cell

    def __reduce__(self) -> tuple[Any, ...]:
        return make_cell, ()


class _ModuleGlobals:
    """Stands for the globals of an importable module."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Any, ...]:
        return vars, (self.module,)


class SessionPickler(cloudpickle.Pickler):
    """Writes one component of a namespace, and notes what it met on the way.

    Args:
        sink: takes the bytes.
        surroundings: what this look at the namespace knows.
        own: names of the classes that are written here by content; others of the session by name.
        views: ids of arrays whose views are written as views; views of others are written as arrays of their own.
        guarded: leave out what fails and note it, instead of failing. Slower.
        deep: the stack is large, so that a RecursionError is the value's own.
    """

    def __init__(
        self,
        sink: Sink,
        surroundings: Surroundings,
        *,
        own: Collection[str] = (),
        views: Collection[int] = (),
        guarded: bool = False,
        deep: bool = False,
    ) -> None:
        super().__init__(sink, PROTOCOL, buffer_callback=sink.keep_buffer)  # pyright: ignore[reportUnknownMemberType]
        self.memo = surroundings.memo
        self.needs: dict[str, type] = {}
        self.left_out: list[tuple[object, str]] = []
        self.by_value: set[int] = set()
        self.by_reference: set[int] = set()
        self.bases: dict[int, tuple[object, set[int]]] = {}
        self._surroundings = surroundings
        self._own = own
        self._views = views
        self._guarded = guarded
        self._deep = deep
        self._array_type = numpy_array_type()
        self._shells: dict[int, _Shell] = {}
        self._pins: list[object] = []

    def write(self, value: object) -> None:
        """Pickle a value. Unlike cloudpickle's `dump`, a RecursionError stays one."""
        pickle.Pickler.dump(self, value)

    def reached(self) -> dict[int, object]:
        """Every object met whose identity matters, by id."""
        shared: dict[int, object] = {key: shell.cell for key, shell in self._shells.items()}
        types = self._surroundings.value_types
        foreign = {id(value) for value, _ in self.left_out} | self.by_reference | self._surroundings.memo.keys()
        memo = cast("Mapping[int, tuple[int, object]]", self.memo.copy())
        for key, (_, value) in memo.items():
            kind = type(value)
            if types.holds(kind) or (kind is FunctionType and key not in self.by_value):
                continue
            foreign.update(types.class_containers(kind))
            shared[key] = value
        for key in foreign.intersection(shared):
            del shared[key]
        return shared

    def reducer_override(self, obj: Any) -> Any:
        """How one object is written. Called by pickle for everything but the plainest builtin types."""
        if not self._guarded:
            return self._reduce(obj)
        try:
            reduced = self._reduce(obj)
            if reduced is NotImplemented and not _is_global(obj):
                reduced = self._reduce_as_usual(obj)
            if type(reduced) is tuple:
                reduced = _materialise(cast("tuple[Any, ...]", reduced))
            _Probe(obj, reduced).dump(obj)
        except BaseException as error:  # the session's classes may raise anything; only this value is lost
            if isinstance(error, RecursionError) and not self._deep:
                raise
            return self._leave_out(obj, describe_error(error))
        self._pins.append(reduced)
        return reduced

    def _reduce(self, obj: Any) -> Any:
        kind = cast("type[Any]", type(obj))
        own_way = self.OWN_WAYS.get(id(kind))
        simple = reducers.SIMPLE.get(id(kind))
        name = self._surroundings.reserved.get(id(obj))
        if name is not None:
            reduced = self._refer(obj, reserved_named, name)
        elif own_way is not None:
            reduced = own_way(self, obj)
        elif simple is not None:
            reduced = simple(obj)
        elif issubclass(kind, type):
            reduced = self._reduce_class(obj)
        elif kind is self._array_type:
            reduced = self._reduce_array(obj)
        else:
            reduced = self._reduce_other(obj, kind)
        return reduced

    def _reduce_other(self, obj: Any, kind: type[Any]) -> Any:
        landmark = self._surroundings.landmarks.find(obj)
        if landmark is not None:
            return self._refer(obj, getattr, *landmark)
        if issubclass(kind, reducers.OPEN_FILES):
            return reducers.reduce_open_file(obj)
        if issubclass(kind, BaseException) and reducers.has_own_init(kind):
            return reducers.reduce_exception(obj)
        return NotImplemented

    def _reduce_as_usual(self, obj: Any) -> Any:
        registered = self.dispatch_table.get(cast("type[Any]", type(obj)))
        return registered(obj) if registered is not None else obj.__reduce_ex__(PROTOCOL)

    def _refer(self, obj: object, function: Callable[..., Any], *args: object) -> tuple[Any, ...]:
        self.by_reference.add(id(obj))
        return function, args

    def _leave_out(self, obj: object, reason: str) -> tuple[Any, ...]:
        self.left_out.append((obj, reason))
        return Unsaved, (reason,)

    def _reduce_unsaved(self, obj: Unsaved) -> tuple[Any, ...]:
        return self._leave_out(obj, reason_of(obj))

    def _reduce_function(self, function: FunctionType) -> Any:
        if reducers.is_importable(function):
            return NotImplemented
        self.by_value.add(id(function))
        cells = None if function.__closure__ is None else tuple(map(self._shell, function.__closure__))
        filled = [(shell, shell.cell.cell_contents) for shell in cells or () if reducers.is_filled(shell.cell)]
        state = (reducers.function_members(function), dict(function.__dict__), filled)
        args = (function.__code__, self._globals_of(function), cells)
        return make_function, args, state, None, None, set_function_state

    def _globals_of(self, function: FunctionType) -> object:
        space = function.__globals__
        if space is self._surroundings.namespace:
            return space
        module = reducers.module_of_globals(space)
        return space if module is None else _ModuleGlobals(module)

    def _shell(self, cell: CellType) -> _Shell:
        return self._shells.setdefault(id(cell), _Shell(cell))

    def _reduce_cell(self, cell: CellType) -> tuple[Any, ...]:
        shell = self._shell(cell)
        filled = reducers.is_filled(cell)
        return fill_cell, ((shell, cell.cell_contents) if filled else (shell,))

    def _reduce_method(self, method: MethodType) -> tuple[Any, ...]:
        function, instance = method.__func__, method.__self__
        home = reducers.home_of_method(function, instance)
        return (MethodType, (function, instance)) if home is None else (bind_method, (*home, instance))

    def _reduce_class(self, cls: type) -> Any:
        if reducers.is_builtin_type(cls) or reducers.is_importable(cls):
            return reducers.reduce_importable_class(cls)
        name = self._surroundings.names.name(cls)
        if name in self._own:
            return reducers.reduce_class(cls)
        self.needs[name] = cls
        return class_named, (name,)

    def _reduce_array(self, array: Any) -> Any:
        base = array
        while type(base.base) is self._array_type:
            base = base.base
        if base is array or array.dtype.hasobject or base.dtype.hasobject:
            return NotImplemented
        if not (base.flags.c_contiguous or base.flags.f_contiguous):
            return NotImplemented
        self.bases.setdefault(id(base), (base, set()))[1].add(id(array))
        self._pins.append(array)
        if id(base) not in self._views:
            return NotImplemented
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        place = (array.dtype, array.shape, offset, array.strides)
        return view_array, (base, place, array.flags.writeable)

    OWN_WAYS: ClassVar[Mapping[int, Callable[[Any, Any], Any]]] = {
        id(Unsaved): _reduce_unsaved,
        id(FunctionType): _reduce_function,
        id(CellType): _reduce_cell,
        id(MethodType): _reduce_method,
    }
    """Id of an exact type to the method that takes its instances apart."""


class _Probe(pickle.Pickler):
    """Checks that pickle accepts how one object reduces, without looking into its parts."""

    def __init__(self, obj: object, reduced: object) -> None:
        super().__init__(io.BytesIO(), PROTOCOL)
        self._obj = obj
        self._reduced = reduced
        self._started = False

    def persistent_id(self, obj: Any) -> Any:
        """Nothing for the object itself, a mark for its parts."""
        if obj is self._obj and not self._started:
            self._started = True
            return None
        return 0

    def reducer_override(self, obj: Any) -> Any:  # noqa: ARG002 - only the object itself gets here
        """What the object reduced to."""
        return self._reduced


def _is_global(obj: object) -> bool:
    return type(obj) is FunctionType or issubclass(type(obj), type)


def _materialise(reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Read the iterators of a reduction here, so that an error in one belongs to its object."""
    read = [list(part) if place in (3, 4) and part is not None else part for place, part in enumerate(reduced)]
    return tuple(iter(part) if place in (3, 4) and part is not None else part for place, part in enumerate(read))
