"""`arun` and `aresume` leave the event loop to others while they wait: blockbuster would say so if they did not."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_of_a_run_blocks_the_event_loop(platform_bin, tmp_path):
    done = subprocess.run(
        [platform_bin / "python", "-W", "error", Path(__file__).parent / "unblocked.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, 21, "Done."]
