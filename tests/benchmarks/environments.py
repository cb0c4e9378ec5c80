"""Environments of their own for libraries that must not meet ours: made once, kept under `.benchmarks`."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".benchmarks"
_SECONDS = 600


class InstallationError(Exception):
    """An environment could not be made. The message is the installer's last word."""


def python_with(requirements: Sequence[str], *, dependencies: bool = True) -> Path:
    """The interpreter of an environment that holds the packages; it is made if it is not there.

    Args:
        requirements: as pip takes them; resolved together.
        dependencies: install what the packages depend on too.

    Raises:
        InstallationError: says why.
    """
    wanted = "\n".join([sys.version, str(dependencies), *requirements])
    place = FOLDER / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    python, complete = place / "bin" / "python", place / "complete"
    if not complete.exists():
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / ".gitignore").write_text("*\n")
        shutil.rmtree(place, ignore_errors=True)
        options = [] if dependencies else ["--no-deps"]
        _make(place, python, [*options, *requirements])
        complete.write_text(wanted)
    return python


def _make(place: Path, python: Path, packages: Sequence[str]) -> None:
    if uv := shutil.which("uv"):
        _call([uv, "venv", "--quiet", "--python", sys.executable, str(place)])
        _call([uv, "pip", "install", "--quiet", "--python", str(python), *packages])
    else:
        _call([sys.executable, "-m", "venv", str(place)])
        _call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])


def _call(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InstallationError(f"no end after {_SECONDS} seconds") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise InstallationError(lines[-1].strip() if lines else f"the installer ended with {done.returncode}")
