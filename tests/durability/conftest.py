"""Processes that are killed in the middle of an action, and others that go on."""

import json

import pytest

from tests.durability.worker import ERRORS, OUTPUT, begin
from tests.forking import processes

_SECONDS = 100


class Worker:
    """Runs tests/durability/worker.py in processes of its own, all on one folder."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *args, **options):
        """Run it to its end, however that comes; what it printed last, or None if it was killed."""
        process = processes.Process(target=begin, args=(*args, {"folder": str(self.folder), **options}))
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            pytest.fail(f"It hangs: {(self.folder / ERRORS).read_text()[-3000:]}")
        if process.exitcode < 0:
            return None
        assert process.exitcode == 0, (self.folder / ERRORS).read_text()[-3000:]
        return json.loads((self.folder / OUTPUT).read_text().splitlines()[-1])

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
