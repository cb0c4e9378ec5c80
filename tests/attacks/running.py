"""Starts a driver as some user, and reads what it has found."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.users import Runner, environment

_ROOT = Path(__file__).parents[2]
_SECONDS = 540


def run_driver(runner: Runner, jail: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Run attacks behind a jail: those that are named, else all that may be tried there.

    Returns:
        What the driver prints, or `{"missing": why}` where they cannot be run.
    """
    if runner.blocked:
        return {"missing": runner.blocked}
    with tempfile.TemporaryDirectory(prefix="lumo-attacks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [*runner.command, "-B", "-m", "tests.attacks.driver", jail, folder, *names],
            capture_output=True,
            text=True,
            cwd=_ROOT,
            env=environment(runner),
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode != 0 or not done.stdout:
        raise AssertionError(f"the host of the attacks ended with {done.returncode}: {done.stderr[-3000:]}")
    return json.loads(done.stdout)
