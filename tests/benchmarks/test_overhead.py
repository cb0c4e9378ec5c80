import subprocess
import sys
from pathlib import Path


def test_the_overhead_benchmark_measures_our_code_and_prints_its_tables():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.overhead", "--quick"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for title in (
        "No checkpointer",
        "SQLite checkpoints",
        "CPU of the session",
        "SQLite file per step",
        "CPU of a start",
    ):
        assert any(line.startswith(title) for line in lines), done.stdout
    rows = [line.split() for line in lines if "lumo_graph code-agent" in line]
    assert len(rows) == 10
    assert all(any(cell.replace(".", "").isdigit() for cell in row) for row in rows)
    assert not [line for line in lines if "failed:" in line or "ended with" in line]
