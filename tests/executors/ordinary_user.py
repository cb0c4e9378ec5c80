"""Python as root and as an ordinary user, whoever runs the tests.

The interpreter that runs the tests may lie where only root may go, below a home directory for instance. Another one of
the same version then takes its place, with the packages of the first.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534
_ANYBODY = 0o001


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who runs a program."""

    root: bool

    def run(self, code: str, *arguments: str, python: str | None = None) -> str:
        """Run code in a process of its own, to its end; what it prints. Skips the test where that cannot be."""
        done = subprocess.run(
            [*self._become(), python or reachable_python(), "-B", "-P", "-W", "error", "-c", code, *arguments],
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": os.pathsep.join(_packages())},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def _become(self) -> list[str]:
        if self.root and os.geteuid() != 0:
            pytest.skip("only root can be root")
        if self.root or os.geteuid() != 0:
            return []
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv (util-linux) is needed to become an ordinary user")
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


USERS = {"root": User(root=True), "ordinary user": User(root=False)}


@cache
def reachable_python() -> str:
    """An interpreter of this version that every user can run, with packages that every user can read."""
    if os.geteuid() != 0:
        return sys.executable
    if closed := next((path for path in _packages() if not _is_open(path)), None):
        pytest.skip(f"an ordinary user cannot read {closed}")
    name = "python{}.{}".format(*sys.version_info)
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        # A link is no way past a folder that is closed.
        if Path(candidate).exists() and _is_open(candidate) and _is_open(os.path.realpath(candidate)):
            return candidate
    pytest.skip(f"{sys.executable} is out of an ordinary user's reach, and there is no {name} in /usr/bin")


def _packages() -> list[str]:
    return [str(ROOT), sysconfig.get_path("purelib")]


def _is_open(path: str) -> bool:
    return all(folder.stat().st_mode & _ANYBODY for folder in (Path(path), *Path(path).parents))
