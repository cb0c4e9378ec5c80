"""Values as JSON that every client can read."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from lumo_graph.storable import storable


def json_text(value: Any) -> str:
    """The value as strict JSON in ASCII.

    ASCII, because clients of event streams split lines at every kind of line end that Unicode has, in the middle of a
    text too.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """The value as data that JSON has a form for: what is no number becomes null, what is no data becomes text."""
    return _finite(storable(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value
