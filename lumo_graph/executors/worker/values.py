"""Objects of the session as values that may cross to the host: a name, a bounded text, and plain data if any."""

import sys
from typing import Any

from lumo_graph.executors.worker.plain import Plainer, TooMuchError
from lumo_graph.executors.worker.text import bounded_repr, class_name, clean, kind_of, safe_text

_ANSWER_PARTS, _ANSWER_SIZE, _ANSWER_PREVIEW = 500_000, 4 << 20, 20_000
_RESULT_PARTS, _RESULT_SIZE, _RESULT_PREVIEW = 5_000, 64 << 10, 10_000
_LEAF_PREVIEW = 2_000
_HEAD_ROWS = 10


def describe_answer(value: Any) -> dict[str, Any]:
    """What the code gave as its answer, as JSON data; parts that are no data, such as a lambda, as text.

    Raises:
        ValueError: it is too large, too deep, or contains itself.
    """
    try:
        plain = Plainer(
            parts=_ANSWER_PARTS, size=_ANSWER_SIZE, binary=False, rows=_ANSWER_PARTS, write=_write_leaf
        ).plain(value)
    except TooMuchError as failure:
        raise ValueError(
            f"final_answer(): {failure.reason}{f' at {failure.path}' if failure.path else ''}. "
            f"The most is {_ANSWER_SIZE >> 20} MiB in {_ANSWER_PARTS:,} parts: answer with a summary, or a part of it."
        ) from None
    except BaseException:  # noqa: BLE001 - properties and model_dump of hostile objects run in here
        plain = None
    return _value(value, _ANSWER_PREVIEW, plain)


def describe_result(value: Any) -> dict[str, Any]:
    """The value of a last expression: its plain data only if that is small."""
    try:
        plain = Plainer(parts=_RESULT_PARTS, size=_RESULT_SIZE, binary=False).plain(value)
    except BaseException:  # noqa: BLE001 - as above
        plain = None
    return _value(value, _RESULT_PREVIEW, plain)


def _value(value: Any, preview: int, plain: Any) -> dict[str, Any]:
    return {"kind": class_name(kind_of(value)), "preview": _preview(value, preview), "json": plain}


def _write_leaf(value: Any) -> str:
    kind = kind_of(value)
    if issubclass(kind, int):
        return bounded_repr(value, _LEAF_PREVIEW)
    if issubclass(kind, str):
        return str.__str__(value).encode("utf-8", "replace").decode()
    if kind in (bytes, bytearray):
        return clean(bytes(value).decode("utf-8", "backslashreplace"))
    return bounded_repr(value, _LEAF_PREVIEW)


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
