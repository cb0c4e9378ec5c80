"""Arrays and data frames as plain data, without importing the libraries that make them.

- numpy: a scalar is its number, an array nested lists; NaT is None.
- pandas: a DataFrame is a list of records, with its index as columns unless that only counts the rows; a Series is a
  list, or a dict if its index has labels; NA and NaT are None.
"""

import sys
from typing import Any

_CELL_BYTES = {"i": 9, "u": 9, "f": 9, "U": 5, "S": 5, "c": 5, "M": 5, "m": 5}  # at least, by numpy's kind of cell


def is_array(value: Any) -> bool:
    """Whether numpy or pandas made it."""
    return type(value).__module__.partition(".")[0] in ("numpy", "pandas")


def array_bytes(value: Any) -> int:
    """Lower bound of the size of its plain data, in bytes, without reading it."""
    columns = getattr(value, "columns", None)
    if columns is not None:
        return len(value) * (5 + sum(len(str(column)) + 6 for column in columns))
    size = getattr(value, "size", 1)
    if not isinstance(size, int):
        return 1
    return size * _CELL_BYTES.get(getattr(getattr(value, "dtype", None), "kind", "O"), 1)


def read_array(value: Any) -> Any:
    """A value of numpy or pandas as lists, dicts and objects of Python.

    Raises:
        ValueError: it is not data; says why.
    """
    if type(value).__module__.partition(".")[0] == "numpy":
        return _read_numpy(value, sys.modules["numpy"])
    return _read_pandas(value, sys.modules["pandas"])


def _read_numpy(value: Any, numpy: Any) -> Any:
    if not isinstance(value, (numpy.ndarray, numpy.generic)):
        raise ValueError("return an array or a number")  # noqa: TRY004 - one exception for all that is not data
    kind = value.dtype.kind
    if kind == "M":
        value = value.astype("datetime64[us]")  # nanoseconds would come out as whole numbers
    elif kind == "m":
        value = value.astype("timedelta64[us]")
    elif kind == "V" and value.dtype.names:
        return [dict(zip(value.dtype.names, row, strict=True)) for row in numpy.atleast_1d(value).reshape(-1).tolist()]
    elif kind == "V":
        raise ValueError("it holds raw memory")
    return value.tolist()


def _read_pandas(value: Any, pandas: Any) -> Any:
    if isinstance(value, pandas.DataFrame):
        return _read_frame(value, pandas)
    if isinstance(value, pandas.Series) and not isinstance(value.index, pandas.RangeIndex):
        if not value.index.is_unique:
            raise ValueError("its index is not unique; call reset_index() first")
        return {_cell(key, pandas): _cell(item, pandas) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return [_cell(item, pandas) for item in value.tolist()]
    cell = _cell(value, pandas)
    if cell is value:
        raise ValueError("return a DataFrame, a Series or a scalar")
    return cell


def _read_frame(frame: Any, pandas: Any) -> list[dict[Any, Any]]:
    if not isinstance(frame.index, pandas.RangeIndex):
        frame = frame.reset_index()
    if not frame.columns.is_unique:
        raise ValueError("its columns are not unique; rename them first")
    columns = list(frame.columns)
    return [
        {key: _cell(item, pandas) for key, item in zip(columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def _cell(value: Any, pandas: Any) -> Any:
    """A scalar of pandas as one of Python."""
    if value is pandas.NA or value is pandas.NaT:
        return None
    if isinstance(value, (pandas.Timestamp, pandas.Timedelta)):
        return value.isoformat()
    if isinstance(value, (pandas.Period, pandas.Interval)):
        return str(value)
    return value
