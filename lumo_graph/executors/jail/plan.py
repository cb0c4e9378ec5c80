"""The plan of one jail: which layers, which limits, which paths a session may read."""

import errno
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

NAMESPACES = "namespaces"
LANDLOCK = "landlock"
SECCOMP = "seccomp"
PRIVILEGES = "privileges"
LAYERS = (NAMESPACES, LANDLOCK, SECCOMP, PRIVILEGES)
"""Layers that can be asked for. Resource limits and the process boundary are always there."""
FROZEN_COPY = "frozen copy"
"""Not a layer: the copy of the variables that is kept while an action runs, to go back to."""
PAUSE = "pause"
"""Not a layer: the session is held still while nothing is asked of it."""
GROUP = "cgroup"
"""Not a layer: a control group of its own bounds what all processes of a session use together."""

MOST_FILES, DEEPEST = 16_384, 128
"""Files of a session, and levels of its folders, where it has no filesystem of its own."""

FOLDER = "work"
"""The working directory, in the directory that a session may write to."""

NOBODY = 65534
DEVICES = ("null", "zero", "random", "urandom")

_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE)

_SYSTEM_PATHS = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo",
    "/usr/share/fonts", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives",
)  # fmt: skip


class LayerError(Exception):
    """A layer of the jail cannot be had; the process that tried is in a half state and must end.

    Args:
        layer: which one.
        reason: why not, for a person.
        passing: the machine lacks something for now; another session may have the layer.
    """

    def __init__(self, layer: str, reason: str, *, passing: bool = False) -> None:
        super().__init__(layer, reason)
        self.layer = layer
        self.reason = reason
        self.passing = passing

    @classmethod
    def from_refusal(cls, layer: str, refusal: OSError) -> Self:
        """The error for what the kernel has said."""
        return cls(layer, describe_refusal(refusal), passing=refusal.errno in _PASSING)


def describe_refusal(refusal: OSError) -> str:
    """What the kernel has said, and about what."""
    said = refusal.strerror or str(refusal)
    return f"{refusal.filename}: {said}" if refusal.filename else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one session gets."""

    layers: frozenset[str] = frozenset()
    memory_mb: int = 2048
    disk_mb: int = 64
    cpu_seconds: float | None = None
    """Processor time of one action; None: any."""
    freeze_below_mb: int = 0
    """Memory up to which a copy is frozen before each action; 0: never."""
    keep_files_mb: int = 16
    """Size of the files of the working directory that travel with a snapshot."""
    inputs: tuple[tuple[str, str], ...] = ()
    """What lies in the working directory for reading: its name there, and the path on the host. Needs namespaces."""
    processes: int = 128
    files: int = 256
    readable: tuple[str, ...] = field(default_factory=lambda: readable_paths())  # noqa: PLW0108 - defined below
    """Paths the session may read: what the interpreter and its packages need, nothing else."""

    @classmethod
    def from_request(cls, request: dict[str, Any]) -> Self:
        """The plan a host asks for."""
        return cls(
            layers=frozenset(request["layers"]),
            memory_mb=request["memory_mb"],
            disk_mb=request["disk_mb"],
            cpu_seconds=request["cpu_seconds"],
            freeze_below_mb=request["freeze_below_mb"],
            keep_files_mb=request["keep_files_mb"],
            inputs=tuple((name, path) for name, path in request["inputs"]),
        )


@cache
def readable_paths() -> tuple[str, ...]:
    """Paths this interpreter needs for imports, each by every name it is known by, outermost first."""
    return tuple(sorted({path for path in _wanted_paths() if path != "/" and Path(path).exists()}, key=len))


def _wanted_paths() -> Iterator[str]:
    yield from _SYSTEM_PATHS
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        yield from _both_names(f"{prefix}/{name}" for name in ("lib", "lib64", "share"))
        if prefix.startswith("/nix/store"):
            yield "/nix/store"
    yield from _both_names(filter(None, map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))))
    yield from _both_names(site_directories())


def site_directories() -> list[str]:
    """Directories of installed packages on this interpreter's path."""
    known = {*site.getsitepackages(), site.getusersitepackages()}
    return [entry for entry in sys.path if entry in known or entry.endswith(("site-packages", "dist-packages"))]


def _both_names(paths: Iterable[str]) -> Iterator[str]:
    # A path below a link is imported by the name it has on sys.path but resolves to another one.
    for path in paths:
        yield os.path.normpath(path)
        yield os.path.realpath(path)
