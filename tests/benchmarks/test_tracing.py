import subprocess
import sys
from pathlib import Path


def test_the_benchmark_of_tracing_measures_every_way_of_ours():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.tracing", "--quick"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = {line[:24].strip(): line.split() for line in done.stdout.splitlines() if line.startswith("  ")}
    arrived = {name: row for name, row in rows.items() if "20.0" in row}
    assert set(arrived) == {"spans by hand", "batch", "batch, metrics", "batch, content"}
    assert {"off", "sampled out", "batch, dead endpoint"} < set(rows)
