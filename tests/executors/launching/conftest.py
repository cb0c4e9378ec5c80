"""Launchers for tests, and the watch that nothing of them is left."""

import gc
import os
import shutil
import sys
import threading
from pathlib import Path

import cloudpickle
import msgpack
import pytest

from lumo_graph.executors import ProcessExecutor
from tests.watching import processes_below, until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def below():
    """Ids of the processes that a process has started, and of those that they have."""
    return processes_below


def _left(before):
    names = [thread.name for thread in threading.enumerate() if thread.name == "lumo-relay"]
    return sorted(processes_below(os.getpid()) - before), names, len(list(Path("/dev/fd").iterdir()))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process, no thread and no descriptor is left when a test is over."""
    gc.collect()  # what earlier tests have let go of does not end in the middle
    before = processes_below(os.getpid())
    descriptors = len(list(Path("/dev/fd").iterdir()))
    yield
    until(lambda: _left(before) == ([], [], descriptors))
    assert _left(before) == ([], [], descriptors)


@pytest.fixture(scope="session")
def python():
    """A launcher of the Python that runs the tests."""
    return ["env", f"PYTHONPATH={ROOT}", sys.executable]


@pytest.fixture(scope="session")
def launched(python):
    """An executor whose sessions are launched."""
    return ProcessExecutor(require="none", launch=python)


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """A folder with what the worker needs besides lumo_graph, for a Python that has nothing."""
    folder = tmp_path_factory.mktemp("packages")
    for package in (msgpack, cloudpickle):
        source = Path(package.__file__).parent
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return folder


def _other_python():
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(11, 15):
        if minor == sys.version_info.minor:
            continue
        for path in (shutil.which(f"python3.{minor}"), *sorted(root.glob(f"3.{minor}.*/bin/python3.{minor}"))):
            if path is not None and "shims" not in str(path):
                return (3, minor), str(path)
    return None


@pytest.fixture(scope="session")
def other(packages):
    """The version and a launcher of another minor version of Python."""
    if (found := _other_python()) is None:
        pytest.skip("needs a second Python, 3.11 or newer, on PATH or from pyenv")
    version, path = found
    return version, ["env", f"PYTHONPATH={ROOT}:{packages}", path]
