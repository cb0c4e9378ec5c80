"""The way back from the bytes of SessionPickler to values. Runs code: only ever in a contained process."""

import io
import pickle
from collections.abc import Callable, Iterable
from typing import Any

from lumo_graph.executors.worker.surroundings import seeds_of


class _SessionUnpickler(pickle.Unpickler):
    """Puts the seeds at the first places of the memo, as they were when the pickle was written."""

    def __init__(self, data: bytes, buffers: Iterable[Any], seeds: list[Any]) -> None:
        # Opcodes: protocol 5; then for each seed push its place, ask `persistent_load` for it, memoize it, pop it.
        start = b"\x80\x05" + b"".join(b"K%cQ\x940" % place for place in range(len(seeds)))
        super().__init__(io.BytesIO(start + data), buffers=buffers)
        self._seeds = seeds

    def persistent_load(self, pid: Any) -> Any:
        """The seed at a place; only the opcodes in front of the pickle ask for one."""
        return self._seeds[pid]


def load_value(data: bytes, buffers: Iterable[Any], namespace: dict[str, Any], class_for: Callable[[str], type]) -> Any:
    """Unpickle one value.

    Args:
        data: the pickle.
        buffers: its large buffers; what is to be writeable must be a bytearray.
        namespace: the live namespace, which becomes the globals of functions.
        class_for: finds a class of the session by its name.
    """
    return _SessionUnpickler(data, buffers, seeds_of(namespace, class_for)).load()
