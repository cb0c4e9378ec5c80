"""Python as root and as an ordinary user, whoever runs the tests.

The interpreter that runs the tests may lie where only root may go, below a home directory for instance. Another one of
the same version then takes its place, with the packages of the first.
"""

import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

NOBODY = 65534
_ROOT = Path(__file__).parents[1]


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
    if not (closed := first_closed((*needed, *packages, str(_ROOT)))):
        return Runner(command=(sys.executable,), path=(str(_ROOT),))
    if shut := first_closed((*packages, str(_ROOT))):
        return Runner(command=(), blocked=f"{shut!r} cannot be entered by other users")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("/usr/bin", "/usr/local/bin"):
        if (python := Path(folder, name)).is_file() and not first_closed([os.path.realpath(python)]):
            return Runner(command=(str(python),), path=(str(_ROOT), *packages))
    return Runner(command=(), blocked=f"{closed!r} cannot be entered by other users, and no system has {name}")


def environment(runner: Runner, **more: str) -> dict[str, str]:
    """What the process is started with: nothing of this process's but the way to its packages."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": ":".join(runner.path), **more}


def _with_packages(runner: Runner) -> Runner:
    # For an interpreter that has none of its own.
    return replace(runner, path=tuple(dict.fromkeys((*runner.path, *site.getsitepackages()))))


def _own_paths() -> Sequence[str]:
    return [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.realpath(sys.executable)]


def first_closed(paths: Iterable[str]) -> str:
    """The first folder on the way to one of these that other users cannot enter; empty if there is none."""
    for path in paths:
        for known in (os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100 - without following links
            for parent in (Path(known), *Path(known).parents):
                if not parent.stat().st_mode & 0o001:
                    return str(parent)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who runs a program."""

    root: bool

    def run(self, code: str, *arguments: str, python: str | None = None) -> str:
        """Run code in a process of its own, to its end; what it prints. Skips the test where that cannot be."""
        runner = self._runner()
        done = subprocess.run(
            [*runner.command[:-1], python or runner.command[-1], "-B", "-P", "-W", "error", "-c", code, *arguments],
            env=environment(runner) if python is None else environment(_with_packages(runner)),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def _runner(self) -> Runner:
        if self.root and os.geteuid() != 0:
            pytest.skip("only root can be root")
        runner = reachable_python() if self.root else ordinary_user()
        if runner.blocked:
            pytest.skip(runner.blocked)
        return runner


USERS = {"root": User(root=True), "ordinary user": User(root=False)}
