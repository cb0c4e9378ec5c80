"""Values that could not be saved: what stands in their place, and the path that names them."""

import gc
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, product
from types import FrameType, FunctionType, GeneratorType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NoReturn, cast

_MAX_REASON = 200
_MAX_KEY = 40
_MAX_SEEN = 2_000_000
_MAX_PATH = 160
_SCALAR_IDS = frozenset(map(id, (int, float, bool, type(None), str, bytes, complex)))
_CLOSED_IDS = frozenset(map(id, (ModuleType, FrameType, GeneratorType)))
_HEAP_TYPE = 1 << 9


class UnsavedValueError(RuntimeError):
    """A value was used that could not be saved when the namespace was stored."""


class Unsaved:
    """Stands where a value could not be saved. Whatever is done with it raises UnsavedValueError with the reason."""

    __slots__ = ("_reason",)

    def __init__(self, reason: str) -> None:
        object.__setattr__(self, "_reason", reason)

    def __repr__(self) -> str:
        return f"<not saved: {reason_of(self)}>"

    def __reduce__(self) -> tuple[type["Unsaved"], tuple[str]]:
        return Unsaved, (reason_of(self),)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # the interpreter asks for these itself, and expects this error
            raise AttributeError(_explain(self))
        _refuse(self)

    __hash__ = object.__hash__


def reason_of(value: Unsaved) -> str:
    """Why the value was not saved."""
    return object.__getattribute__(value, "_reason")


def _explain(value: Unsaved) -> str:
    return f"This value was not saved with the session: {reason_of(value)}. Create it again."


def _refuse(self: Unsaved, *_: object, **__: object) -> NoReturn:
    raise UnsavedValueError(_explain(self))


_BINARY = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift", "and", "or",
    "xor",
)  # fmt: skip
_items_of: Callable[[object], Iterable[tuple[Any, Any]]] = vars(dict)["items"]
_REFUSED = (
    "setattr", "delattr", "call", "str", "format", "bytes", "bool", "int", "float", "complex", "index", "round", "len",
    "iter", "next", "reversed", "contains", "getitem", "setitem", "delitem", "eq", "ne", "lt", "le", "gt", "ge", "neg",
    "pos", "abs", "invert", "enter", "exit", "aenter", "aexit", "aiter", "anext", "await",
    *(prefix + name for prefix in ("", "r", "i") for name in _BINARY),
)  # fmt: skip
for _name in _REFUSED:
    setattr(Unsaved, f"__{_name}__", _refuse)


def describe_error(error: BaseException) -> str:
    """One bounded line about an error, even if the error's own methods fail."""
    try:
        text = " ".join(str(error).split())
        name = type(error).__name__
    except BaseException:  # noqa: BLE001 - the error may be of a class of the session
        return "an error that cannot be shown"
    plain = type(error).__module__ in ("builtins", "_pickle") and name in ("TypeError", "PicklingError") and text
    return (text if plain else f"{name}: {text}" if text else name)[:_MAX_REASON]


def find_paths(root: object, name: str, wanted: Collection[int], closed: Collection[int]) -> dict[int, str]:
    """Where objects stand below a variable, by the shortest way.

    Args:
        root: the variable's value.
        name: the variable's name, the start of every path.
        wanted: ids of the objects to find.
        closed: ids of objects not to look into.

    Returns:
        Id of an object to its path, such as `rows[3].handle`; objects that were not found are missing.
    """
    found: dict[int, str] = {id(root): name} if id(root) in wanted else {}
    origins: dict[int, tuple[int, str]] = {}
    seen = {id(root), *closed}
    waiting: deque[object] = deque([root])
    pins: list[object] = []
    while waiting and len(found) < len(wanted) and len(seen) < _MAX_SEEN:
        parent = waiting.popleft()
        pins.append(parent)
        for step, child in _children(parent):
            if id(child) in seen or id(type(child)) in _SCALAR_IDS:
                continue
            seen.add(id(child))
            origins[id(child)] = id(parent), step
            if id(child) in wanted:
                found[id(child)] = name + _steps_to(id(child), origins)
            elif id(type(child)) not in _CLOSED_IDS and not _is_library_class(child):
                waiting.append(child)
    return found


def _steps_to(key: int, origins: Mapping[int, tuple[int, str]]) -> str:
    steps: list[str] = []
    while key in origins:
        key, step = origins[key]
        steps.append(step)
    path = "".join(reversed(steps))
    return path if len(path) <= _MAX_PATH else f"{path[: _MAX_PATH // 2]}…{path[-_MAX_PATH // 2 :]}"


def _children(parent: object) -> Iterator[tuple[str, object]]:
    try:
        yield from _steps(parent)
    except Exception:  # noqa: BLE001 - a class of the session may answer anything; then this branch stays unnamed
        return


def _steps(parent: Any) -> Iterable[tuple[str, object]]:
    kind = cast("type[Any]", type(parent))
    if issubclass(kind, dict):
        items: list[tuple[Any, Any]] = [*_items_of(parent)]
        keys = ((f".<key {_show_key(key)}>", key) for key, _ in items)
        return chain(((f"[{_show_key(key)}]", value) for key, value in items), keys, _attributes(parent))
    if issubclass(kind, type):
        return ((f".{name}", value) for name, value in [*type.__dict__["__dict__"].__get__(parent).items()])
    known = _STEPS.get(id(kind))
    if known is not None:
        return known(parent)
    if f"{kind.__module__}.{kind.__name__}" == "numpy.ndarray":  # its elements are hidden from the garbage collector
        return _elements(parent)
    rest = ((f".<{kind.__name__}>", value) for value in gc.get_referents(parent) if not isinstance(value, type))
    return chain(_attributes(parent), rest)


def _sequence_steps(parent: Iterable[object]) -> Iterable[tuple[str, object]]:
    return ((f"[{index}]", value) for index, value in enumerate([*parent]))


def _elements(array: Any) -> Iterable[tuple[str, object]]:
    places = product(*map(range, array.shape)) if array.dtype.hasobject else ()
    return ((f"[{', '.join(map(str, place))}]", array[place]) for place in places)


def _attributes(parent: object) -> Iterator[tuple[str, object]]:
    try:
        members: object = object.__getattribute__(parent, "__dict__")
    except AttributeError:
        members = None
    if type(members) is dict:
        for name, value in list(cast("dict[Any, Any]", members).items()):
            yield f".{name}", value
    for base in type(parent).__mro__:
        for name, member in list(vars(base).items()):
            if type(member) is MemberDescriptorType:
                try:
                    yield f".{name}", member.__get__(parent)
                except AttributeError:
                    continue


def _function_steps(function: FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f".<closure {name}>", cell.cell_contents
        except ValueError:
            continue
    for index, value in enumerate(function.__defaults__ or ()):
        yield f".<default {index}>", value
    for name, value in (function.__kwdefaults__ or {}).items():
        yield f".<default {name}>", value
    yield from ((f".{name}", value) for name, value in list(function.__dict__.items()))


_STEPS: dict[int, Callable[[Any], Iterable[tuple[str, object]]]] = {
    id(list): _sequence_steps,
    id(tuple): _sequence_steps,
    id(FunctionType): _function_steps,
    id(MethodType): lambda method: [(".__self__", method.__self__), (".__func__", method.__func__)],
    id(partial): lambda call: [(".func", call.func), (".args", call.args), (".keywords", call.keywords)],
}


def _is_library_class(value: object) -> bool:
    if not issubclass(type(value), type):
        return False
    flags: Callable[[object], int] = type.__dict__["__flags__"].__get__
    module = type.__dict__["__module__"].__get__(value)
    return not flags(value) & _HEAP_TYPE or module not in ("__main__", "builtins")


def _show_key(key: object) -> str:
    text = repr(key) if id(type(key)) in _SCALAR_IDS else f"<{type(key).__name__}>"
    return text if len(text) <= _MAX_KEY else text[: _MAX_KEY - 1] + "…"
