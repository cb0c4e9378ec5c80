"""Text and data that a checkpoint can hold and a provider can be sent."""

from collections.abc import Mapping
from typing import Any, cast

SMALLEST_INT, LARGEST_INT = -(2**63), 2**64 - 1
"""The integers that msgpack holds."""


def whole_characters(text: str) -> str:
    """The text with lone surrogates, which no file, socket or provider takes, replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def storable(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """The value as JSON data that msgpack holds: larger integers and what is no data become text, keys are text."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if SMALLEST_INT <= value <= LARGEST_INT else str(value)
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, Mapping):
        return {_key(key): storable(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [storable(item) for item in cast("list[Any]", value)]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return whole_characters(str(value))


def _key(key: object) -> str:
    return whole_characters(key if isinstance(key, str) else str(key))
