"""Processes that are killed in the middle of an action, and others that go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Worker:
    """Runs tests/durability/worker.py in processes of its own, all on one folder."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *args, **options):
        """Run it to its end, however that comes; what it printed last, or None if it was killed."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.durability.worker",
                *args,
                json.dumps({"folder": str(self.folder), **options}),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LANGGRAPH_STRICT_MSGPACK": "true", "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode < 0:
            return None
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    @property
    def effects(self):
        """What the tools have left in the world, in order."""
        log = self.folder / "effects"
        return log.read_text().split() if log.exists() else []

    @property
    def keys(self):
        """The keys of the calls of `pay`, in order."""
        return (self.folder / "keys").read_text().split()


@pytest.fixture
def worker(tmp_path):
    return Worker(tmp_path)
