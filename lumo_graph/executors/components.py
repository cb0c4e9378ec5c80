"""Which variables a stored component holds, read from its label. The host loads nothing of what it holds."""

from collections.abc import Iterator
from typing import Any

import msgpack

from lumo_graph.executors.sealing import SEAL_ID, content_of

_LABEL = 1 << 16
"""The label comes first; one that is longer is not read."""
_FIELDS = 6
_msgpack: Any = msgpack  # its types are mostly unknown


def is_about_others(component_id: str) -> bool:
    """Whether a component holds no variable: the header, and the signature of all."""
    return component_id in {"", SEAL_ID}


def names_in(component_id: str, blob: bytes) -> tuple[str, ...]:
    """The names of the variables, and `class NAME` for classes that they need.

    Args:
        component_id: as a snapshot names the component.
        blob: what is stored of it: untrusted.

    Returns:
        Its id alone where it is of another executor, or no component: those are known as a whole only.
    """
    try:
        names = tuple(_names(content_of(blob)[:_LABEL]))
    except (ValueError, TypeError, _msgpack.UnpackException):
        names = ()
    return names or (f"component {component_id}",)


def _names(label: bytes) -> Iterator[str]:
    found = _msgpack.Unpacker(use_list=True, unicode_errors="surrogatepass", max_buffer_size=_LABEL)
    found.feed(label)
    if found.read_array_header() == _FIELDS:
        found.skip()  # the digest
        for kind, name in found.unpack():
            yield f"{name}" if kind == "variable" else f"{kind} {name}"
