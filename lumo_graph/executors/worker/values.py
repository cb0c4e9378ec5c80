"""Objects of the session as values that may cross to the host: a name, a bounded text, and plain data if any."""

import sys
from typing import Any

from lumo_graph.executors.worker.plain import NotPlainError, Plainer
from lumo_graph.executors.worker.text import bounded_repr, class_name, kind_of, safe_text

_ANSWER = {"preview": 20_000, "parts": 200_000, "size": 4 << 20}
_RESULT = {"preview": 10_000, "parts": 5_000, "size": 64 << 10}
_HEAD_ROWS = 10


def describe_answer(value: Any) -> dict[str, Any]:
    """What the code gave as its answer: its plain data up to a few MiB."""
    return _describe(value, **_ANSWER)


def describe_result(value: Any) -> dict[str, Any]:
    """The value of a last expression: its plain data only if that is small."""
    return _describe(value, **_RESULT)


def _describe(value: Any, *, preview: int, parts: int, size: int) -> dict[str, Any]:
    return {
        "kind": class_name(kind_of(value)),
        "preview": _preview(value, preview),
        "json": _plain_or_none(value, parts=parts, size=size),
    }


def _plain_or_none(value: Any, *, parts: int, size: int) -> Any:
    try:
        return Plainer(parts=parts, size=size, binary=False).plain(value)
    except NotPlainError:
        return None
    except BaseException:  # noqa: BLE001 - properties and model_dump of hostile objects run in here
        return None


def _preview(value: Any, limit: int) -> str:
    pandas = sys.modules.get("pandas")
    frame = getattr(pandas, "DataFrame", None)
    if isinstance(frame, type) and issubclass(kind_of(value), frame):
        return safe_text(lambda: _preview_frame(value), limit, "DataFrame without a preview")
    return bounded_repr(value, limit)


def _preview_frame(frame: Any) -> str:
    rows, columns = frame.shape
    kinds = ", ".join(f"{name}: {kind}" for name, kind in list(frame.dtypes.items())[:100])
    head = frame.head(_HEAD_ROWS).to_string(max_cols=30, max_colwidth=60)
    more = f"\n... ({rows - _HEAD_ROWS} more rows)" if rows > _HEAD_ROWS else ""
    return f"DataFrame: {rows} rows x {columns} columns\ndtypes: {kinds}\n{head}{more}"
