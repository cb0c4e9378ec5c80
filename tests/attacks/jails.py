"""Which jails the attacks are tried against, as which user, and by which interpreter."""

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumo_graph.executors.jail.plan import LANDLOCK, LAYERS, NAMESPACES, PRIVILEGES, SECCOMP

JAILS = {
    "full": frozenset(LAYERS),
    "without landlock": frozenset(LAYERS) - {LANDLOCK},
    "fs": frozenset(LAYERS) - {NAMESPACES},
    "best_effort": frozenset({SECCOMP, PRIVILEGES}),
    "none": frozenset[str](),
}
"""Jail to its layers."""
NOBODY = 65534
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How to start Python as some user."""

    command: tuple[str, ...]
    path: tuple[str, ...] = ()
    """Where its packages are."""
    blocked: str = ""
    """Why there is none."""


def ordinary_user() -> Runner:
    """Python as a user without privileges: this one, or nobody if this one is root."""
    if os.geteuid() != 0:
        return Runner(command=(sys.executable,), path=(str(_ROOT),))
    become = shutil.which("setpriv")
    if become is None:
        return Runner(command=(), blocked="setpriv (util-linux) is needed to become an ordinary user")
    python = reachable_python()
    return Runner(
        command=(become, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *python.command),
        path=python.path,
        blocked=python.blocked,
    )


def own_python() -> Runner:
    """The interpreter that runs the tests, as the user that runs them."""
    return Runner(command=(sys.executable,), path=(str(_ROOT),))


def reachable_python() -> Runner:
    """An interpreter that every user can run: this one, or one of the system's with the packages of this one."""
    packages = [path for path in site.getsitepackages() if Path(path).is_dir()]
    needed = [sys.executable, *_own_paths()]
    if not (closed := _first_closed((*needed, *packages, str(_ROOT)))):
        return Runner(command=(sys.executable,), path=(str(_ROOT),))
    if shut := _first_closed((*packages, str(_ROOT))):
        return Runner(command=(), blocked=f"{shut!r} cannot be entered by other users")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("/usr/bin", "/usr/local/bin"):
        if (python := Path(folder, name)).is_file() and not _first_closed([os.path.realpath(python)]):
            return Runner(command=(str(python),), path=(str(_ROOT), *packages))
    return Runner(command=(), blocked=f"{closed!r} cannot be entered by other users, and no system has {name}")


def environment(runner: Runner, **more: str) -> dict[str, str]:
    """What the process is started with: nothing of this process's but the way to its packages."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": ":".join(runner.path), **more}


def _own_paths() -> Sequence[str]:
    return [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.realpath(sys.executable)]


def _first_closed(paths: Iterable[str]) -> str:
    for path in paths:
        for known in (os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100 - without following links
            for parent in (Path(known), *Path(known).parents):
                if not parent.stat().st_mode & 0o001:
                    return str(parent)
    return ""
