"""The packages of a session: which it can import, and those that are loaded before it begins."""

import gc
import importlib
import importlib.util
from collections.abc import Iterable

from lumo_graph.executors.jail.plan import readable_paths

_FAILURE = 2_000


def find_packages(names: Iterable[str]) -> list[str]:
    """Those that are installed here, and lie where a session may read."""
    readable = tuple(path.rstrip("/") + "/" for path in readable_paths())
    found: list[str] = []
    for name in names:
        spec = importlib.util.find_spec(name)
        places = (spec.origin, *(spec.submodule_search_locations or ())) if spec else ()
        if any(place and place.startswith(readable) for place in places):
            found.append(name)
    return found


def load_packages(names: Iterable[str]) -> str | None:
    """Import packages.

    Returns:
        The first that cannot be imported with the reason; None if all can.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as failure:  # noqa: BLE001 - what a package does on import is its own
            return f"{name}: {type(failure).__name__}: {failure}"[:_FAILURE]
    return None


def share_pages() -> None:
    """Leave memory as it is from now on: a collection would write to pages that forked processes share."""
    gc.collect()
    gc.disable()
    gc.freeze()
