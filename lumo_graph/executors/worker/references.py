"""Objects that are saved by the place they are found at, not by their content."""

import sys
from types import ModuleType
from typing import Any

from lumo_graph.executors.worker.identity import type_home

_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")


class Landmarks:
    """Finds module-level objects of library types, such as `os.environ` or `dataclasses.MISSING`.

    A copy of such an object would not be the one its module goes on using.
    """

    def __init__(self) -> None:
        self._by_type: dict[int, dict[int, str]] = {}
        self._pins: list[type] = []
        self._streams = {id(getattr(sys, name, None)): name for name in reversed(_STREAMS)}
        self._streams.pop(id(None), None)

    def find(self, value: object) -> tuple[ModuleType, str] | None:
        """The module and the name under which the value stands, if it is such an object."""
        if id(value) in self._streams:
            return sys, self._streams[id(value)]
        kind = type(value)
        names = self._by_type.get(id(kind))
        if names is None:
            self._pins.append(kind)
            names = self._by_type[id(kind)] = _instances_at_home(kind)
        name = names.get(id(value))
        if name is None:
            return None
        module = sys.modules.get(type_home(kind)[0])
        return (module, name) if module is not None and vars(module).get(name) is value else None


def _instances_at_home(kind: type[Any]) -> dict[int, str]:
    home = type_home(kind)[0]
    module: Any = sys.modules.get(home)
    if home in ("__main__", "builtins") or type(module) is not ModuleType:
        return {}
    return {id(value): name for name, value in list(vars(module).items()) if type(value) is kind and type(name) is str}
