"""Text of objects that may be hostile: bounded in length, never raising, always valid unicode."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

_DEPTH = 4
_MARGIN = 40  # for the closing brackets and the count
_PLAIN_BITS = 4000


def cut(text: str, limit: int) -> str:
    """Head and tail of a text over `limit` characters, with the count of what is left out between them."""
    if len(text) <= limit:
        return text
    note = f" ... [{len(text) - limit} characters left out] ... "
    head = limit * 2 // 3
    return text[:head] + note + text[len(text) - (limit - head) :]


def clean(text: str) -> str:
    """The text with lone surrogates, which are no characters, written as escapes."""
    if text.isascii():
        return str.__str__(text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def kind_of(value: object) -> type[Any]:
    """The class of an object, whatever it says of itself."""
    return type(value)


def class_name(kind: type[Any]) -> str:
    """Name of a class as code would write it: `int`, `pandas.DataFrame`, `Point`."""
    try:
        name = type.__dict__["__qualname__"].__get__(kind)
        module = type.__dict__["__module__"].__get__(kind)
    except BaseException:  # noqa: BLE001 - the class may be hostile
        return "object"
    if type(name) is not str or type(module) is not str:
        return "object"
    root = module.partition(".")[0]
    short = name.rpartition("<locals>.")[2]
    return cut(clean(short if root in ("builtins", "__main__") else f"{root}.{short}"), 200)


def safe_text(render: Callable[[], Any], limit: int, instead: str) -> str:
    """Bounded text that `render` makes, or `instead` with the reason if it fails in any way."""
    try:
        text = render()
        if not isinstance(text, str):
            raise TypeError(f"{class_name(kind_of(text))} instead of a string")  # noqa: TRY301 - reported like the rest
        return cut(clean(cut(str.__str__(text), limit)), limit + 100)
    except BaseException as failure:  # noqa: BLE001 - hostile code runs in here
        return f"<{instead}: {class_name(kind_of(failure))}>"


def bounded_repr(value: Any, limit: int = 200) -> str:
    """A repr of at most about `limit` characters that never raises and does not build what it will not show."""
    return safe_text(
        lambda: _render(value, limit, _DEPTH), limit + _MARGIN, f"{class_name(kind_of(value))} without a repr"
    )


def _render(value: Any, room: int, depth: int) -> str:
    kind = kind_of(value)
    if kind is str or kind is bytes:
        return repr(value) if len(value) <= room else f"{value[:room]!r}... ({len(value)} long)"
    if kind is int:
        bits = value.bit_length()
        return repr(value) if bits <= _PLAIN_BITS else f"<int of {bits} bits>"
    if kind in (list, tuple, set, frozenset, dict):
        return _render_container(value, room, depth)
    return repr(value)


def _render_container(value: Any, room: int, depth: int) -> str:
    kind = kind_of(value)
    if not value:
        return repr(value)
    opening, closing = {list: "[]", tuple: "()", frozenset: ("frozenset({", "})")}.get(kind, "{}")
    if depth == 0:
        return f"{opening}...{closing}"
    if kind is dict:
        parts = (
            f"{_render(key, room, depth - 1)}: {_render(item, room, depth - 1)}" for key, item in _copied(value.items())
        )
    else:
        parts = (_render(item, room, depth - 1) for item in _copied(value))
    shown, complete = _fill(parts, room)
    if not complete:
        shown.append(f"... ({len(value)} in all)")
    elif kind is tuple and len(shown) == 1:
        closing = ",)"
    return f"{opening}{', '.join(shown)}{closing}"


def _copied(items: Iterable[Any]) -> Iterable[Any]:
    return islice(items, 0, None)


def _fill(parts: Iterable[str], room: int) -> tuple[list[str], bool]:
    shown: list[str] = []
    for part in parts:
        if room <= 0:
            return shown, False
        shown.append(part)
        room -= len(part) + 2
    return shown, True
