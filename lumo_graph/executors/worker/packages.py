"""Which packages a session can import."""

import importlib.util
from collections.abc import Iterable

from lumo_graph.executors.jail.plan import readable_paths


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
