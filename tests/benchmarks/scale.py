"""From one process to many machines: what each bears.

python -m tests.benchmarks.scale            some minutes
python -m tests.benchmarks.scale --quick    a few runs
"""

import argparse
import os
import platform
from collections.abc import Sequence

from tests.benchmarks import scale_batch, scale_process


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description="What each scale bears.")
    parser.add_argument("--quick", action="store_true", help="a few runs")
    parser.add_argument("--tasks", type=int, default=1000, help="of the batches (1000)")
    given = parser.parse_args(arguments)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    if given.quick:
        scale_process.measure((1, 4), runs=8, threads=4)
        scale_batch.measure(8)
    else:
        scale_process.measure()
        scale_batch.measure(given.tasks)


if __name__ == "__main__":
    main()
