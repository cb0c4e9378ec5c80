"""The worker's modules as a Python sees them that has little installed."""

import subprocess
import sys
from pathlib import Path

IMPORT_ALL = """
import importlib, pkgutil, sys
from lumo_graph.executors import jail, worker
for package in (jail, worker):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
found = {name for name, module in sys.modules.items() if getattr(module, "__spec__", None) is not None}
print(*sorted({name.partition(".")[0] for name in found} - sys.stdlib_module_names))
print(*sorted(name for name in found if name.startswith("lumo_graph") and name.count(".") < 3))
"""


def test_the_worker_needs_the_standard_library_msgpack_and_cloudpickle():
    sites = [entry for entry in sys.path if entry.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join([str(Path(__file__).parents[3]), *sites])},
    )
    packages, ours = done.stdout.splitlines()
    assert packages.split() == ["cloudpickle", "lumo_graph", "msgpack"]
    assert ours.split() == [
        "lumo_graph",
        "lumo_graph.executors",
        "lumo_graph.executors.frames",
        "lumo_graph.executors.jail",
        "lumo_graph.executors.worker",
        "lumo_graph.importable",
    ]
