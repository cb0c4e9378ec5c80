"""The component that describes the others: by which interpreter they were made, and what is missing from them."""

import importlib
import platform
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from types import ModuleType
from typing import Any

import cloudpickle

from lumo_graph.executors.worker.envelope import pack_data, unpack_data

FORMAT = 1
HEADER_ID = ""


class HeaderError(ValueError):
    """A header that is damaged, or that describes a namespace this interpreter cannot load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What must fit before a namespace is loaded, and what its owner must be told."""

    format: int = FORMAT
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    implementation: str = platform.python_implementation()
    cloudpickle: str = cloudpickle.__version__
    byteorder: str = sys.byteorder
    imports: tuple[str, ...] = ()
    """Submodules to import, such as `xml.dom.minidom`: importing a package does not import them."""
    unsaved: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path of a value that is not in the components to the reason."""

    def pack(self) -> bytes:
        """The bytes to store."""
        return pack_data(asdict(self))


def unpack_header(data: bytes) -> Header:
    """The inverse of `Header.pack`, checked against this interpreter.

    Raises:
        HeaderError: the bytes are damaged, or the namespace was made by another kind of interpreter.
    """
    try:
        fields: dict[str, Any] = dict(unpack_data(data))
        made = fields["format"]
    except Exception as error:
        raise HeaderError(f"The namespace's header is damaged ({type(error).__name__}).") from error
    if made != FORMAT:
        raise HeaderError(f"The namespace has format {made!r}, this version of lumo_graph reads format {FORMAT}.")
    try:
        fields["imports"] = tuple(map(str, fields["imports"]))
        header = Header(**fields)
    except Exception as error:
        raise HeaderError(f"The namespace's header is damaged ({type(error).__name__}).") from error
    here = Header()
    for name in ("python", "implementation", "byteorder"):
        theirs, ours = getattr(header, name), getattr(here, name)
        if theirs != ours:
            raise HeaderError(
                f"The namespace was saved with {name} {theirs!r}, this session has {name} {ours!r}. "
                f"Restore it with {theirs!r}, or replay the recorded actions."
            )
    return header


def submodules_of(values: Iterable[object]) -> tuple[str, ...]:
    """Public submodules that are loaded and can be reached as attributes of the packages among the values."""
    packages = {value.__name__: value for value in values if type(value) is ModuleType and "__path__" in vars(value)}
    if not packages:
        return ()
    reachable = (name for name in list(sys.modules) if "." in name and _is_reachable(name, packages))
    return tuple(sorted(reachable))


def import_all(names: Iterable[str]) -> None:
    """Import modules that may have been imported before; one that is missing here is left out."""
    for name in names:
        with suppress(Exception, SystemExit):  # some are programs
            importlib.import_module(name)


def _is_reachable(name: str, packages: Mapping[str, ModuleType]) -> bool:
    parts = name.split(".")
    if any(part.startswith("_") for part in parts):
        return False
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = packages.get(".".join(parts[:cut]))
        if found is not None:
            for part in parts[cut:]:
                found = vars(found).get(part) if type(found) is ModuleType else None
            return found is not None and found is sys.modules.get(name)
    return False
